// The Vercel AI SDK: generateImage with each provider's package. aigoogle3 is the last that sends Imagen's :predict.
import { generateImage } from "ai";
import { createFal } from "@ai-sdk/fal";
import { createGoogleGenerativeAI } from "@ai-sdk/google";
import { createGoogleGenerativeAI as createGoogle3 } from "aigoogle3";
import { createOpenAI } from "@ai-sdk/openai";
import { createReplicate } from "@ai-sdk/replicate";
import { defined, picture, pictures } from "./save.mjs";

const providers = {
  openai: (job) => createOpenAI({ baseURL: job.base, apiKey: job.key }),
  google: (job) => createGoogleGenerativeAI({ baseURL: job.base, apiKey: job.key }),
  google3: (job) => createGoogle3({ baseURL: job.base, apiKey: job.key }),
  fal: (job) => createFal({ baseURL: job.base, apiKey: job.key }),
  replicate: (job) => createReplicate({ baseURL: job.base, apiToken: job.key }),
};

async function words(job) {
  if (!job.images?.length) return job.prompt;
  const images = (await pictures(job)).map((p) => p.bytes);
  return defined({ text: job.prompt, images, mask: job.mask && (await picture(job.mask)).bytes });
}

// The SDK tells what a model cannot do by printing it; tests do not want that.
globalThis.AI_SDK_LOG_WARNINGS = false;

/** generate is generateImage; job.form names the provider's package. */
export async function generate(job) {
  const reply = await generateImage(
    defined({
      model: providers[job.form](job).image(job.model),
      prompt: await words(job),
      n: job.n,
      size: job.size,
      aspectRatio: job.ratio,
      maxRetries: job.retries,
      providerOptions: job.input,
    }),
  );
  return {
    images: reply.images.map((i) => ({ bytes: Buffer.from(i.uint8Array), mime: i.mediaType })),
    warnings: reply.warnings.map((w) => w.feature ?? w.setting ?? w.message),
  };
}
