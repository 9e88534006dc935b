// One process for all tests: it reads a job a line from stdin, and answers each with a line on stdout. A job names an
// SDK, and what an ordinary app does with it; the SDK is used as it comes, and only told another base URL.
import { createInterface } from "node:readline";
import { save } from "./save.mjs";
import { failure } from "./failure.mjs";

// SDKs are loaded when they are first asked for: importing all of them takes seconds.
const sdks = {
  openai: () => import("./openai.mjs"),
  genai: () => import("./genai.mjs"),
  genai2: () => import("./genai.mjs"),
  fal: () => import("./fal.mjs"),
  falqueue: () => import("./falqueue.mjs"),
  predictions: () => import("./predictions.mjs"),
  python: () => import("./python.mjs"),
  replicate: () => import("./replicate.mjs"),
  vercel: () => import("./vercel.mjs"),
};

async function answer(job) {
  try {
    const calls = await sdks[job.sdk]();
    const { images = [], ...rest } = await calls[job.call](job);
    return { id: job.id, images: await save(job, images), ...rest };
  } catch (err) {
    return { id: job.id, error: failure(err) };
  }
}

// Jobs run side by side: one that waits before it tries again must not hold up the others.
for await (const line of createInterface({ input: process.stdin })) {
  answer(JSON.parse(line)).then((result) => process.stdout.write(JSON.stringify(result) + "\n"));
}
