/**
 * Plays requests with the AI SDK that is installed in the working directory: one
 * request per line of the input, and one line of the output for what came of it.
 *
 * A request names its `surface` and `model`, whether to `stream`, and whether to
 * offer `tools` and to want an `object`; what else it has goes to the SDK as it is.
 */

import { createRequire } from "node:module";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";

const require = createRequire(join(process.cwd(), "package.json"));
const { createAnthropic } = require("@ai-sdk/anthropic");
const { createOpenAI } = require("@ai-sdk/openai");
const { createOpenAICompatible } = require("@ai-sdk/openai-compatible");
const { APICallError, Output, generateText, isStepCount, streamText, tool } =
  require("ai");
const { version } = require("ai/package.json");
const { z } = require("zod");

globalThis.AI_SDK_LOG_WARNINGS = false;

const baseURL = `${process.env.GATEWAY_URL}/v1`;
const apiKey = process.env.GATEWAY_KEY;
const openai = createOpenAI({ baseURL, apiKey });
const models = {
  chat: openai.chat,
  responses: openai.responses,
  compatible: createOpenAICompatible({
    name: "kiro2api",
    baseURL,
    apiKey,
    includeUsage: true,
    supportsStructuredOutputs: true,
  }),
  anthropic: createAnthropic({ baseURL, apiKey }),
};

const text = z.string();
const tools = {
  get_weather: tool({
    description: "The weather of a city.",
    inputSchema: z.object({ city: text, unit: text }),
    execute: () => "12 degrees",
  }),
  get_time: tool({
    description: "The time in a zone.",
    inputSchema: z.object({ zone: text }),
    execute: () => "noon",
  }),
  write_file: tool({
    description: "Writes a file.",
    inputSchema: z.object({ path: text, content: text }),
    execute: async ({ path, content }) => {
      await writeFile(path, content);
      return "written";
    },
  }),
};

const weather = z.object({ city: text, degrees: z.number().int() });

async function play({ surface, model, stream, ...request }) {
  const asked = {
    maxRetries: 0,
    stopWhen: isStepCount(5),
    ...request,
    model: models[surface](model),
    tools: request.tools ? tools : undefined,
    output: request.object ? Output.object({ schema: weather }) : undefined,
  };
  delete asked.object;
  try {
    return await (stream ? streamed(asked) : whole(asked));
  } catch (error) {
    return failed(error);
  }
}

async function whole(asked) {
  const result = await generateText(asked);
  return told(result, result.text, asked);
}

async function streamed(asked) {
  const errors = [];
  let text = "";
  const result = streamText({ ...asked, onError: ({ error }) => errors.push(error) });
  for await (const part of result.stream) {
    if (part.type === "text-delta") text += part.text;
    if (part.type === "start-step") text = "";
  }
  if (errors.length > 0) return { text, ...failed(errors[0]) };
  return told(result, text, asked);
}

/** Of the last step, but for the names of the tools that were called in each. */
async function told(result, text, asked) {
  const steps = await result.steps;
  return {
    text,
    reasoning: await result.reasoningText,
    finish: await result.finishReason,
    usage: await result.usage,
    called: steps.map((step) => step.toolCalls.map((call) => call.toolName)),
    object: asked.output && (await result.output),
  };
}

function failed(error) {
  const cause = error.lastError ?? error; // the last of several tries
  const status = APICallError.isInstance(cause) ? cause.statusCode : undefined;
  return { error: cause.message, status };
}

console.log(JSON.stringify({ version }));
for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await play(JSON.parse(line))));
}
