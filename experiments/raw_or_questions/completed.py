"""How many facts a run of the study says when it is given the beginning of the sentence.

python experiments/raw_or_questions/completed.py multirun/raw_or_questions/STAMP/runs/ID ...
"""

import sys
from pathlib import Path
from typing import Any

import rows
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from epochwise.record import Record
from epochwise.world import model_folder
from epochwise.world.facts import RELATION, Entity, sentence


def main() -> None:
    tokenizer = AutoTokenizer.from_pretrained(model_folder("1m"))
    trained = rows.trained_on("asked_questions.jsonl")
    facts = [(one, relation) for one in rows.cast()[: rows.ASKED] for relation in one.facts]
    for folder in map(Path, sys.argv[1:]):
        base = AutoModelForCausalLM.from_pretrained(model_folder("1m"), dtype=torch.float32)
        model = PeftModel.from_pretrained(base, folder / "adapter").eval()
        print(Record.load(folder / "record.json").settings["data"]["sources"]["asked"]["path"])
        for known in (True, False):
            asked = [fact for fact in facts if (fact[0].name in trained) == known]
            right = sum(is_completed(model, tokenizer, *fact) for fact in asked)
            print(f"  {'trained' if known else 'held out'}: {right} of {len(asked)}")


@torch.inference_mode()
def is_completed(model: Any, tokenizer: Any, of: Entity, relation: str) -> bool:
    """Whether the likeliest words after `Betas Ferfin works as a` are the fact."""
    before, _, _ = RELATION[relation].predicate.partition("{}")
    text = sentence(f"{of.name} {before}").removesuffix(".").strip()
    ids = [tokenizer.bos_token_id, *tokenizer(text, add_special_tokens=False).input_ids]
    made = model.generate(torch.tensor([ids]), max_new_tokens=10, do_sample=False)
    return str(tokenizer.decode(made[0, len(ids) :])).strip().startswith(of.facts[relation])


if __name__ == "__main__":
    main()
