"""Pure: what to write where, so that a client asks this gateway.

The lines are those of docs/clients.md, which the tests run.
"""

from __future__ import annotations

from dataclasses import dataclass

MODEL = "claude-sonnet-4-20250514"


@dataclass(frozen=True, slots=True)
class Lines:
    place: str
    """A file, a language, or the shell."""
    text: str


@dataclass(frozen=True, slots=True)
class Settings:
    id: str
    client: str
    lines: tuple[Lines, ...]


def client_settings(address: str, key: str) -> list[Settings]:
    """`key` is a word that stands for the key, never one."""
    return [
        Settings(
            "claude-code",
            "Claude Code",
            (
                Lines(
                    "shell",
                    f"export ANTHROPIC_BASE_URL={address}\n"
                    f"export ANTHROPIC_API_KEY={key}\n"
                    f"claude --model {MODEL}",
                ),
                Lines(
                    "~/.claude/settings.json",
                    "{\n"
                    '  "env": {\n'
                    f'    "ANTHROPIC_BASE_URL": "{address}",\n'
                    f'    "ANTHROPIC_API_KEY": "{key}"\n'
                    "  }\n"
                    "}",
                ),
            ),
        ),
        Settings(
            "codex",
            "Codex",
            (
                Lines(
                    "~/.codex/config.toml",
                    f'model = "{MODEL}"\n'
                    'model_provider = "kiro2api"\n'
                    "model_context_window = 200000\n"
                    "\n"
                    "[model_providers.kiro2api]\n"
                    'name = "kiro2api"\n'
                    f'base_url = "{address}/v1"\n'
                    'wire_api = "responses"\n'
                    'env_key = "KIRO2API_KEY"',
                ),
                Lines("shell", f"export KIRO2API_KEY={key}\ncodex"),
            ),
        ),
        Settings(
            "cursor",
            "Cursor",
            (
                Lines(
                    "Cursor Settings, Models",
                    f"OpenAI API Key            {key}\n"
                    f"Override OpenAI Base URL  {address}/v1\n"
                    f"Add Custom Model          {MODEL}",
                ),
            ),
        ),
        Settings(
            "anthropic-python",
            "Anthropic SDK, Python",
            (
                Lines(
                    "Python",
                    "import anthropic\n"
                    "\n"
                    "client = anthropic.Anthropic(\n"
                    f'    base_url="{address}", api_key="{key}"\n'
                    ")\n"
                    "message = client.messages.create(\n"
                    f'    model="{MODEL}",\n'
                    "    max_tokens=1000,\n"
                    '    messages=[{"role": "user", "content": "Hello"}],\n'
                    ")\n"
                    "print(message.content[0].text)",
                ),
            ),
        ),
        Settings(
            "openai-python",
            "OpenAI SDK, Python",
            (
                Lines(
                    "Python",
                    "import openai\n"
                    "\n"
                    "client = openai.OpenAI(\n"
                    f'    base_url="{address}/v1", api_key="{key}"\n'
                    ")\n"
                    "completion = client.chat.completions.create(\n"
                    f'    model="{MODEL}",\n'
                    '    messages=[{"role": "user", "content": "Hello"}],\n'
                    ")\n"
                    "print(completion.choices[0].message.content)",
                ),
            ),
        ),
        Settings(
            "openai-node",
            "OpenAI SDK, Node",
            (
                Lines(
                    "JavaScript",
                    'import OpenAI from "openai";\n'
                    "\n"
                    "const client = new OpenAI({\n"
                    f'  baseURL: "{address}/v1",\n'
                    f'  apiKey: "{key}",\n'
                    "});\n"
                    "const completion = await client.chat.completions.create({\n"
                    f'  model: "{MODEL}",\n'
                    '  messages: [{ role: "user", content: "Hello" }],\n'
                    "});\n"
                    "console.log(completion.choices[0].message.content);",
                ),
            ),
        ),
        Settings(
            "environment",
            ".env",
            (
                Lines(
                    ".env",
                    f"ANTHROPIC_BASE_URL={address}\n"
                    f"ANTHROPIC_API_KEY={key}\n"
                    f"OPENAI_BASE_URL={address}/v1\n"
                    f"OPENAI_API_KEY={key}",
                ),
            ),
        ),
        Settings(
            "curl",
            "curl",
            (
                Lines(
                    "shell",
                    f"curl {address}/v1/messages \\\n"
                    f'  -H "x-api-key: {key}" -H "content-type: application/json" \\\n'
                    f"""  -d '{{"model": "{MODEL}", "max_tokens": 1000, "messages": """
                    """[{"role": "user", "content": "Hello"}]}'""",
                ),
            ),
        ),
    ]
