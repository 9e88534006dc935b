// Images on their way to the test: bytes in a file each, for it to decode.
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";

/** save writes images ({bytes, mime}) into the job's folder, and says where they are. */
export async function save(job, images) {
  return Promise.all(
    images.map(async ({ bytes, mime, url }, i) => {
      const file = path.join(job.dir, `${job.id}-${i}`);
      await writeFile(file, bytes);
      return { file, mime, url };
    }),
  );
}

/** download gets what an app would get that shows the URL to somebody: no key, no SDK. */
export async function download(url) {
  const reply = await fetch(url);
  if (!reply.ok) throw new Error(`download: HTTP ${reply.status}`);
  return { bytes: Buffer.from(await reply.arrayBuffer()), mime: reply.headers.get("content-type"), url: short(url) };
}

/** short is a URL without the bulk of a data URI. */
export const short = (url) => url.slice(0, 100);

/** picture is a reference image as the SDKs without files of their own want it. */
export async function picture(file) {
  const bytes = await readFile(file);
  return { bytes, base64: bytes.toString("base64"), dataURI: `data:image/png;base64,${bytes.toString("base64")}` };
}

/** pictures are the job's reference images. */
export const pictures = (job) => Promise.all((job.images ?? []).map(picture));

/** defined is an object without the keys that the job does not set. */
export const defined = (o) => Object.fromEntries(Object.entries(o).filter(([, v]) => v !== undefined));
