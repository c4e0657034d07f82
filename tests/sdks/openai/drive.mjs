/**
 * Plays calls with the OpenAI SDK for Node that is installed in the working
 * directory: one call per line of the input, and one line of the output for what
 * came of it, as drive.py says.
 */

import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";

const require = createRequire(join(process.cwd(), "package.json"));
const { OpenAI, APIError } = require("openai");
const { zodResponseFormat, zodTextFormat } = require("openai/helpers/zod");
const { VERSION } = require("openai/version");
const { z } = require("zod");

const Weather = z.object({ city: z.string(), degrees: z.number().int() });

const gateway = new OpenAI({
  baseURL: process.env.GATEWAY_URL + "/v1",
  apiKey: process.env.GATEWAY_KEY,
  maxRetries: 0,
  logLevel: "off",
});

/** Each yields the answer, as far as it has come. */
const CALLS = {
  async *"chat.create"(sdk, asked) {
    yield await sdk.chat.completions.create(asked);
  },

  async *"chat.iterate"(sdk, asked) {
    const chunks = [];
    for await (const chunk of await sdk.chat.completions.create({ ...asked, stream: true })) {
      chunks.push(chunk);
      yield chunks;
    }
  },

  async *"chat.stream"(sdk, asked) {
    const stream = sdk.chat.completions.stream(asked);
    let thoughts = "";
    for await (const chunk of stream) {
      thoughts += chunk.choices[0]?.delta.reasoning_content ?? "";
      yield thinking(stream.currentChatCompletionSnapshot, thoughts);
    }
    yield thinking(await stream.finalChatCompletion(), thoughts);
  },

  async *"chat.parse"(sdk, asked) {
    const response_format = zodResponseFormat(Weather, "weather");
    yield await sdk.chat.completions.parse({ ...asked, response_format });
  },

  async *"responses.create"(sdk, asked) {
    yield await sdk.responses.create(asked);
  },

  async *"responses.iterate"(sdk, asked) {
    const events = [];
    for await (const event of await sdk.responses.create({ ...asked, stream: true })) {
      events.push(event);
      yield events;
    }
  },

  async *"responses.stream"(sdk, asked) {
    yield await sdk.responses.stream(asked).finalResponse();
  },

  async *"responses.parse"(sdk, asked) {
    const text = { format: zodTextFormat(Weather, "weather") };
    yield await sdk.responses.parse({ ...asked, text });
  },
};

/** The SDK keeps only the last piece of a member that it does not know. */
function thinking(completion, thoughts) {
  if (thoughts) completion.choices[0].message.reasoning_content = thoughts;
  return completion;
}

async function play({ call, asked, key }) {
  const sdk = key ? gateway.withOptions({ apiKey: key }) : gateway;
  let answer = null;
  try {
    for await (answer of CALLS[call](sdk, asked));
  } catch (error) {
    return { answer, error: failed(error) };
  }
  return { answer, error: null };
}

/** Only what the gateway said; whatever else went wrong is a crash. */
function failed(error) {
  if (!(error instanceof APIError) || !error.error) throw error;
  const status = error.status ?? 200;
  return { ...error.error, class: error.constructor.name, status };
}

console.log(JSON.stringify({ version: VERSION }));
for await (const line of createInterface({ input: process.stdin })) {
  const told = await play(JSON.parse(line)).catch((error) => ({ crash: error.stack }));
  console.log(JSON.stringify(told));
}
