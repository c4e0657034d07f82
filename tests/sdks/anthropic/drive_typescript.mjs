/**
 * Plays requests with the Anthropic SDK for TypeScript that is installed in the
 * working directory: one request per line of the input, as `messages.create` takes
 * it, and one line of the output for what came of it (`Outcome` in outcome.py).
 */

import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";

const require = createRequire(join(process.cwd(), "package.json"));
const { Anthropic, APIError } = require("@anthropic-ai/sdk");
const { VERSION } = require("@anthropic-ai/sdk/version");

const sdk = new Anthropic({
  baseURL: process.env.GATEWAY_URL,
  apiKey: process.env.GATEWAY_KEY,
  maxRetries: 0,
  logLevel: "off",
});

async function play({ stream, ...request }) {
  if (stream) return streamed(request);
  try {
    const message = await sdk.messages.create(request);
    return { message, closed: [...message.content.keys()] };
  } catch (error) {
    return failed(error);
  }
}

async function streamed(request) {
  const closed = [];
  let message;
  const stream = sdk.messages.stream(request);
  stream.on("streamEvent", (event, snapshot) => {
    message = snapshot;
    if (event.type === "content_block_stop") closed.push(event.index);
  });
  try {
    return { message: await stream.finalMessage(), closed };
  } catch (error) {
    return { ...failed(error), message, closed };
  }
}

/** Only what the gateway said; whatever else went wrong is the test's to see. */
function failed(error) {
  if (!(error instanceof APIError) || !error.error) throw error;
  return { status: error.status ?? 200, error: error.error.error.type };
}

console.log(JSON.stringify({ version: VERSION }));
for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await play(JSON.parse(line))));
}
