"""Build every ForSequenceClassification of transformers in a small size, test what rmlab promises, and write the table.

    python benchmarks/architectures.py [--seconds 200] [--only opt,gpt2] [--again]

Each architecture is tested in its own process, with random weights, dropout of 0.3 (0 where it allows none) and a tiny
tokenizer. Rows of docs/architectures.md are kept if they come from the installed transformers. The page is written
after each architecture, so that the next run continues one that ended after `--seconds`. `--again` tests those of
`--only`, or all, once more. The page names the commit of each row, with ``-dirty`` if files other than the page had
changed.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import multiprocessing
import os
import re
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from _targets import MISSED
from transformers.models.auto.configuration_auto import CONFIG_MAPPING
from transformers.models.auto.modeling_auto import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES

from rmlab.atomic import write_text
from rmlab.data import PreferencePair
from rmlab.model import ModelError, RewardModel
from rmlab.model.network import pools_last_token
from rmlab.training import TrainingConfig, TrainingError, training_steps

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "architectures.md"
COLUMNS = ("invariance", "reload", "same logits", "packed", "LoRA", "dropout off", "resume")
SECONDS_EACH = 300

Found = dict[str, dict[str, str]]
"""The result in each column for an architecture; for one that could not be built, the reason under ``not built``."""

SIZES: dict[tuple[str, ...], Any] = {
    (
        "hidden_size",
        "pooler_hidden_size",
        "cross_attention_hidden_size",
        "d_model",
        "n_embd",
        "dim",
        "embedding_size",
        "word_embed_proj_dim",
        "emb_dim",
    ): 32,
    ("intermediate_size", "ffn_dim", "encoder_ffn_dim", "decoder_ffn_dim", "d_ff", "n_inner", "hidden_dim"): 48,
    ("moe_intermediate_size", "shared_expert_intermediate_size", "d_inner", "hidden_size_per_layer_input"): 32,
    ("num_hidden_layers", "num_layers", "n_layer", "n_layers", "encoder_layers", "decoder_layers"): 2,
    ("num_decoder_layers", "num_encoder_layers"): 2,
    ("num_attention_heads", "n_head", "n_heads", "num_heads", "encoder_attention_heads", "decoder_attention_heads"): 4,
    ("num_key_value_heads", "num_kv_heads", "swa_num_key_value_heads"): 2,
    ("head_dim", "d_head", "d_kv", "qk_nope_head_dim", "v_head_dim", "swa_head_dim", "global_head_dim"): 8,
    ("q_lora_rank", "kv_lora_rank", "qk_rope_head_dim"): 8,
    ("num_experts", "n_routed_experts", "num_local_experts", "moe_num_experts"): 4,
    ("num_experts_per_tok", "moe_topk", "top_k_experts"): 2,
    ("n_group", "topk_group", "n_shared_experts", "first_k_dense_replace", "num_shared_experts"): 1,
    ("max_position_embeddings", "n_positions", "max_seq_len", "max_sequence_length"): 514,
    ("mamba_d_state", "mamba_n_heads", "state_size"): 8,
    ("attention_window",): 16,
    ("entity_vocab_size",): 100,
    ("rotary_dim",): 4,
    ("initializer_range", "init_std"): 0.2,
}
LAYERS = ("layer_types", "mlp_layer_types", "layers_block_type", "attention_layers")
SMALL = {name: value for names, value in SIZES.items() for name in names}


def shrink(config: Any, ids: dict[str, int], *, dropout: float) -> Any:
    """Set the sizes of a configuration, and of those nested in it, to small numbers, in place."""
    for name, value in list(vars(config).items()):
        if isinstance(value, transformers.PretrainedConfig):
            shrink(value, ids, dropout=dropout)
        elif name in SMALL and isinstance(value, int | float) and not isinstance(value, bool):
            setattr(config, name, SMALL[name])
        elif name == "num_experts_per_tok" and value is None:
            setattr(config, name, 2)
        elif name == "head_dim" and value is None:  # some do not derive it from other sizes
            setattr(config, name, SMALL[name])
        elif isinstance(value, float) and "drop" in name:
            setattr(config, name, dropout)
        elif name in ids:
            setattr(config, name, ids[name])
        elif name == "attention_types":  # of GPT-Neo: kinds of layers, with counts
            setattr(config, name, [[["global", "local"], 1]])
        elif isinstance(value, list) and name in LAYERS:
            setattr(config, name, (sorted(set(value)) * 2)[:2])
    if getattr(config, "kv_lora_rank", None) is not None:
        config.num_key_value_heads = config.num_attention_heads  # latent attention needs them equal
    return config


def build(kind: str, *, tokenizer_of: str = "tiny-encoder") -> RewardModel:
    """Return a small model of an architecture with random weights."""
    tokenizer = RewardModel.from_pretrained(tokenizer_of, device="cpu").tokenizer
    last = tokenizer("a")["input_ids"][-1]
    ids = {"vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id, "eos_token_id": last}
    ids |= {name: len(tokenizer) for name in ("vocab_size_per_layer_input", "n_words")}
    ids |= {"bos_token_id": 1, "decoder_start_token_id": 1, "num_labels": 1, "sep_token_id": last}
    kind_of_network = getattr(transformers, MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES[kind])

    def make(dropout: float) -> Any:
        config = shrink(CONFIG_MAPPING[kind](), ids, dropout=dropout)
        config.num_labels = 1
        if config.is_encoder_decoder:
            config.decoder_start_token_id = 1  # some have no default
        torch.manual_seed(0)
        return kind_of_network(config)

    try:
        network = make(0.3)
    except ValueError:  # some allow no dropout
        network = make(0.0)
    for parameter in network.parameters():
        if parameter.numel() > 50_000_000:
            raise MemoryError(f"a parameter has {parameter.numel():,} numbers, so the model is not small")
    if pools_last_token(network):  # its texts must end in EOS, while an encoder's end in the separator token
        tokenizer = RewardModel.from_pretrained("tiny-decoder", device="cpu").tokenizer
    return RewardModel(network, tokenizer, max_length=256).eval()


PAIRS = [
    PreferencePair(f"Box {i} is {'red ' * (i % 4 + 1)}", f"It is {'very ' * (i % 3)}red.", f"No {'no ' * (i % 5)}blue")
    for i in range(12)
]
PLAIN = TrainingConfig(max_steps=4, batch_size=4, precision="fp32", learning_rate=1e-3, checkpoint_every=2)


def close(one: Any, other: Any, spread: float, tolerance: float = 1e-3) -> str:
    """Return ``kept`` if numbers agree to a share of their spread, else by how much they differ."""
    difference = float(np.abs(np.asarray(one) - np.asarray(other)).max())
    return "kept" if difference <= tolerance * spread else f"BROKEN: differ by {difference / spread:.2g} of the spread"


def try_all(kind: str) -> dict[str, str]:
    """Return the result in each column for an architecture."""
    try:
        model = build(kind)
    except ModelError as error:
        return dict.fromkeys(COLUMNS, f"refused: {error}")
    encoded = model.encode([p.prompt for p in PAIRS], [p.chosen for p in PAIRS])
    ids = [list(one) for one in encoded]
    try:
        with torch.no_grad():
            rows = [torch.tensor([one]) for one in ids]
            alone = np.array([float(model(row, torch.ones_like(row))) for row in rows])
    except (ModelError, TrainingError) as error:
        return dict.fromkeys(COLUMNS, f"refused: {error}")
    spread = max(float(alone.std()), 1e-6)

    def invariance() -> str:
        with torch.no_grad():
            together = model.score_ids(ids, packing="off").numpy()
            reverse = model.score_ids(ids[::-1], packing="off").numpy()[::-1]
        return close([together, reverse], [alone, alone], spread)

    def reload() -> str:
        with tempfile.TemporaryDirectory() as folder:
            model.save_pretrained(Path(folder) / "model")
            again = RewardModel.from_pretrained(Path(folder) / "model", seed=1, device="cpu")
            return close(again.score_encoded(encoded), model.score_encoded(encoded), spread)

    def same_logits() -> str:
        with tempfile.TemporaryDirectory() as folder, torch.no_grad():
            model.save_pretrained(Path(folder) / "model")
            plain = transformers.AutoModelForSequenceClassification.from_pretrained(Path(folder) / "model").eval()
            logits = [float(plain(input_ids=row, attention_mask=torch.ones_like(row)).logits) for row in rows]
        return close(logits, alone, spread)

    def packed() -> str:
        if model.packing_fault is not None:
            return f"not applicable: {model.packing_fault}"
        with torch.no_grad():
            return close(model.score_ids(ids, keys=[p.prompt for p in PAIRS]).numpy(), alone, spread)

    def lora() -> str:
        trained = build(kind)
        steps = training_steps(
            trained, PAIRS, config=TrainingConfig(**{**vars(PLAIN), "lora": 2, "checkpoint_every": 0})
        )
        scores = None
        for _ in steps:
            scores = trained.score_encoded(encoded)
        return close(trained.score_encoded(encoded), scores, spread)

    def dropout_off() -> str:
        trained = build(kind)
        steps = training_steps(trained, PAIRS, config=TrainingConfig(**{**vars(PLAIN), "checkpoint_every": 0}))
        next(steps)
        with torch.no_grad():
            one, other = (trained.score_ids(ids, packing="off").numpy() for _ in range(2))
        steps.close()
        return close(one, other, spread)

    def resume() -> str:
        def ended(after: int | None, folder: str, again: bool) -> dict[str, torch.Tensor]:
            trained = build(kind)
            steps = training_steps(trained, PAIRS, config=PLAIN, checkpoints=folder, resume=again)
            for step in steps:
                if step.step == after:
                    break
            steps.close()
            return trained.state_dict()

        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
            whole = ended(None, one, False)
            ended(3, other, False)
            resumed = ended(None, other, True)
        same = all(torch.equal(whole[name], resumed[name]) for name in whole)
        return "kept" if same else "BROKEN: other weights"

    checks = (invariance, reload, same_logits, packed, lora, dropout_off, resume)
    return {column: _said(check) for column, check in zip(COLUMNS, checks, strict=True)}


def _said(check: Callable[[], str]) -> str:
    try:
        return check()
    except (ModelError, TrainingError) as error:
        return f"refused: {error}"
    except Exception as error:  # any network may raise anything
        return f"raises {type(error).__name__}: {str(error).strip().splitlines()[0][:150] if str(error) else ''}"


def _in_process(kind: str, pipe: Any) -> None:
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115 # stays open until the process ends
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    try:
        pipe.send(try_all(kind))
    except ModelError as error:
        pipe.send(dict.fromkeys(COLUMNS, f"refused: {error}"))
    except Exception as error:  # it could not be built
        pipe.send({"not built": f"{type(error).__name__}: {str(error).strip()[:200]}"})


def examine(kind: str) -> dict[str, str]:
    """Test an architecture in another process, and return the results."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(target=_in_process, args=(kind, theirs))
    process.start()
    theirs.close()
    try:
        if ours.poll(SECONDS_EACH):
            with contextlib.suppress(EOFError):
                return ours.recv()
            return {"not built": "the process died"}
        return {"not built": f"not done in {SECONDS_EACH} s"}
    finally:
        process.kill()
        process.join()


ABOUT = """\
# Architectures

`benchmarks/architectures.py` builds each `ForSequenceClassification` of transformers {version} as a small model with
random weights, of two layers if it has such a setting. It tests the following, and writes this table.

- *invariance*: a score does not depend on the batch or on the order of its texts.
- *reload*: the model has the same scores after it was saved and loaded.
- *same logits*: transformers computes the same scores from the saved model.
- *packed*: packed rows have the same scores as single texts. If an architecture cannot be packed, rmlab pads its rows.
  The reason is below.
- *LoRA*: the scores are the same before and after the adapters are merged.
- *dropout off*: two passes over the same texts during training have the same scores.
- *resume*: a run that was stopped and resumed ends with the same weights, bit for bit, as one that was not.

Tested: {tried} of {all}. Built: {built}. With every column kept or not applicable: {sound}.
"""


def commit() -> str:
    """Return the commit of this checkout, with ``-dirty`` if files other than the page have changed."""

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()

    changed = git("diff", "--name-only", "HEAD", "--", ".", f":(exclude){PAGE.relative_to(ROOT).as_posix()}")
    return git("rev-parse", "--short=7", "HEAD") + ("-dirty" if changed else "")


def origins(commits: dict[str, str]) -> str:
    """Return a sentence in Markdown on the commits that the rows were tested at."""
    kinds: dict[str, list[str]] = {}
    for kind, one in sorted(commits.items()):
        kinds.setdefault(one, []).append(f"`{kind}`")
    most = max(kinds, key=lambda one: len(kinds[one]))
    rest = "".join(f" At `{one}`: {', '.join(names)}." for one, names in kinds.items() if one != most)
    return f"Rows were tested at commit `{most}`{', except these.' if rest else '.'}{rest}"


def page(found: Found, commits: dict[str, str], n_kinds: int, version: str = transformers.__version__) -> str:
    """Return the table, in Markdown."""
    built = {kind: result for kind, result in found.items() if "not built" not in result}
    sound = [r for r in built.values() if all(v.split(":")[0] in ("kept", "not applicable") for v in r.values())]
    about = ABOUT.format(version=version, tried=len(found), all=n_kinds, built=len(built), sound=len(sound))
    lines = [
        about,
        origins(commits),
        "",
        "| architecture | " + " | ".join(COLUMNS) + " |",
        "|---" * (len(COLUMNS) + 1) + "|",
    ]
    notes: list[str] = []

    def cell(text: str) -> str:
        state, _, why = text.partition(": ")
        if not why:
            return text
        why = why.replace("|", "/").replace("\n", " ").replace("`", "'")
        if why not in notes:
            notes.append(why)
        return f"{state} [{notes.index(why) + 1}]"

    for kind in sorted(built):
        lines.append(f"| `{kind}` | " + " | ".join(cell(built[kind][column]) for column in COLUMNS) + " |")
    lines += ["", "## Reasons", "", *(f"{n}. `{why}`" for n, why in enumerate(notes, start=1))]
    lines += [
        "",
        "## Not built in a small size",
        "",
        "These were not tested. `rmlab train` tests a model before its first step.",
        "",
    ]
    others = sorted(found.keys() - built.keys())
    lines += [f"- `{kind}`: `{found[kind]['not built'].splitlines()[0].replace('`', chr(39))}`" for kind in others]
    return "\n".join(lines) + "\n"


def read_page(text: str) -> tuple[Found, dict[str, str], str]:
    """Return the contents of a page: the results, the commit of each row, and the version of transformers."""
    version = text.partition("of transformers ")[2].partition(" ")[0]
    table, _, rest = text.partition("## Reasons")
    notes = dict(re.findall(r"(?m)^(\d+)\. `(.*)`$", rest))
    found: Found = {}
    for kind, cells in re.findall(r"(?m)^\| `(.+?)` \| (.*) \|$", table):
        said = (re.fullmatch(r"(.*?)(?: \[(\d+)\])?", cell) for cell in cells.split(" | "))
        result = [state[1] if state[2] is None else f"{state[1]}: {notes[state[2]]}" for state in said if state]
        found[kind] = dict(zip(COLUMNS, result, strict=True))
    found |= {kind: {"not built": why} for kind, why in re.findall(r"(?m)^- `(.+?)`: `(.*)`$", rest)}
    commits = dict.fromkeys(found, table.partition("Rows were tested at commit `")[2].partition("`")[0])
    for one, names in re.findall(r"At `(.+?)`: (.*?)\.(?= At|$)", table, re.MULTILINE):
        commits |= dict.fromkeys(re.findall("`(.+?)`", names), one)
    return found, commits, version


def main() -> int:
    """Test the architectures that have not been tested, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--seconds", type=float, default=float("inf"), help="stop after so long; the next run continues"
    )
    parser.add_argument("--only", help="names of model types, separated by commas")
    parser.add_argument("--again", action="store_true", help="test them once more")
    options = parser.parse_args()
    started, kinds = time.monotonic(), list(MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES)
    asked = options.only.split(",") if options.only else kinds
    if unknown := sorted(set(asked) - set(kinds)):
        parser.error(f"transformers {transformers.__version__} has no {', '.join(unknown)}")
    found, commits, version = read_page(PAGE.read_text(encoding="utf-8"))
    if version != transformers.__version__:
        print(f"the rows of transformers {version} are dropped")
        found, commits = {}, {}
    now = commit()
    for kind in asked:
        if kind in found and not options.again:
            continue
        if time.monotonic() - started > options.seconds:
            break
        found[kind], commits[kind] = examine(kind), now
        print(kind, {v.split(":")[0] if k != "not built" else v for k, v in found[kind].items()}, flush=True)
        write_text(PAGE, page(found, commits, len(kinds)))
    left = [kind for kind in kinds if kind not in found]
    print(f"{len(kinds) - len(left)} of {len(kinds)} tested; the page is {PAGE.relative_to(ROOT)}")
    broken = [k for k, r in found.items() if any(v.startswith("BROKEN") for v in r.values())]
    print(*(f"{kind}: {MISSED} {found[kind]}" for kind in broken), sep="\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
