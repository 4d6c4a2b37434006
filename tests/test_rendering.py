"""Messages as text: roles that a template does not have, calls of tools without content, and dates that stay."""

import datetime
import json

import pytest
from transformers import AutoTokenizer
from transformers.utils import chat_template_utils

from rmlab.__main__ import main
from rmlab.model import TEMPLATE_DATE, RewardModel
from rmlab.model.backbones import MANIFEST, ModelError

PLAIN = "{% for m in messages %}[{{ m.role }}] {{ m.content }}{{ eos_token }}\n{% endfor %}"
NO_SYSTEM = "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('System role not supported') }}" + (
    "{% endif %}[{{ m.role }}] {{ m.content }}\n{% endfor %}"
)
DATED = "{{ strftime_now('%d %b %Y') }}\n" + PLAIN
TOOLS = (
    "{% for m in messages %}[{{ m.role }}] {% if m.tool_calls %}{% for call in m.tool_calls %}{{ call.function.name }}("
    "{{ call.function.arguments | tojson }}){% endfor %}{% else %}{{ m.content }}{% endif %}\n{% endfor %}"
)
USER, ANSWER = {"role": "user", "content": "Add 2 and 2."}, {"role": "assistant", "content": "Four."}
CALL = {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "add", "arguments": {"a": 2}}}]}


@pytest.fixture(scope="module")
def shared():
    return RewardModel.from_pretrained("tiny-decoder", device="cpu")


@pytest.fixture
def with_template(shared, monkeypatch):
    def with_template(template):
        monkeypatch.setattr(shared.tokenizer, "chat_template", template)
        return shared

    return with_template


def test_a_template_without_a_system_role_is_named_and_so_is_the_way_out(with_template):
    model = with_template(NO_SYSTEM)
    model.encode([[USER]], [[ANSWER]])
    with pytest.raises(ModelError, match=r"of the roles system, user, assistant .*first message") as raised:
        model.encode([[{"role": "system", "content": "Be brief."}, USER]], [[ANSWER]])
    assert "System role not supported" in str(raised.value)


def test_an_error_of_a_template_that_is_no_matter_of_roles_is_not_laid_at_the_system_message(with_template):
    with pytest.raises(ModelError) as raised:
        with_template("{{ nothing.at.all }}").encode([[{"role": "system", "content": "Be brief."}, USER]], [[ANSWER]])
    assert "system role" not in str(raised.value)


def test_a_call_of_a_tool_without_content_is_written_by_the_template(with_template):
    model = with_template(TOOLS)
    found = model.encode([[USER]], [[CALL]])
    written = model.tokenizer.apply_chat_template([USER, CALL], tokenize=False)
    assert 'add({"a": 2})' in written
    assert found[0] == model.tokenizer(written, add_special_tokens=False)["input_ids"]


@pytest.mark.parametrize("message", [{"role": "assistant", "content": None}, {"role": "assistant", "tool_calls": []}])
def test_a_message_that_says_nothing_and_calls_nothing_is_an_error(with_template, message):
    with pytest.raises(TypeError, match="expected a text or a list of"):
        with_template(TOOLS).encode([[USER]], [[message]])


def test_a_call_of_a_tool_is_refused_where_no_template_says_how_it_is_written(with_template):
    with pytest.raises(ModelError, match="calls tools, and this tokenizer has no chat template"):
        with_template(None).encode([[USER]], [[CALL]])


def dated(template, folder):
    """Load a model whose template asks for the date, as somebody else saved it."""
    RewardModel.from_pretrained("tiny-decoder", device="cpu").save_pretrained(folder)
    (folder / MANIFEST).unlink()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = template
    tokenizer.save_pretrained(folder)
    return RewardModel.from_pretrained(folder, device="cpu")


@pytest.mark.parametrize("template", [DATED, DATED.replace("'%d", '"%d').replace("%Y'", '%Y" ')])
def test_a_template_has_one_date_on_every_day_and_in_every_library(tmp_path, monkeypatch, template):
    model = dated(template, tmp_path / "model")
    today = model.encode([[USER]], [[ANSWER]])[0]
    assert model.tokenizer.decode(today).strip().startswith(TEMPLATE_DATE.strftime("%d %b %Y"))
    as_published = AutoTokenizer.from_pretrained(tmp_path / "model")

    class Later(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(2031, 1, 2)

    monkeypatch.setattr(chat_template_utils, "datetime", Later)
    assert "2031" in as_published.apply_chat_template([USER], tokenize=False)  # the clock has moved
    again = RewardModel.from_pretrained(tmp_path / "model", device="cpu")
    saved = AutoTokenizer.from_pretrained(model.save_pretrained(tmp_path / "saved"))
    assert again.encode([[USER]], [[ANSWER]])[0] == today
    assert saved.apply_chat_template([USER, ANSWER], return_dict=True)["input_ids"] == today
    assert again.has_pinned_date


def test_a_date_in_a_format_that_is_computed_is_refused(tmp_path):
    with pytest.raises(ModelError, match="differ from day to day"):
        dated(DATED + "{{ strftime_now(format) }}", tmp_path / "model")


# rmlab doctor MODEL


@pytest.fixture
def page(with_template, tmp_path, capsys):
    def page(template, *options):
        folder = with_template(template).save_pretrained(tmp_path / "model")
        assert main(["doctor", str(folder), "--json", *options]) == 0
        found = json.loads(capsys.readouterr().out)
        assert main(["doctor", str(folder), *options]) == 0
        return found, capsys.readouterr().out

    return page


def test_doctor_shows_what_was_understood_of_a_model(page, shared):
    found, text = page(PLAIN)
    assert found["convention"] == {"convention": "joined", "separator": "\n\n"}
    assert found["has_fresh_head"] is False
    assert (found["max_length"], found["packing_fault"]) == (512, None)
    for kind, example in (
        ("plain text", ("What is two and two?", "It is four.")),
        ("conversation", ([{"role": "user", "content": "What is two and two?"}],
                          [{"role": "assistant", "content": "It is four."}])),
    ):  # fmt: skip
        shared.tokenizer.chat_template = PLAIN
        encoded = shared.encode([example[0]], [example[1]])
        assert found["texts"][kind]["tokens"] == [shared.tokenizer.decode([token]) for token in encoded[0]]
        assert found["texts"][kind]["prompt_tokens"] == encoded.prompt_lengths[0]
    assert "score.weight" in text
    assert "LlamaForSequenceClassification" in text


@pytest.mark.parametrize(("template", "words"), [
    (NO_SYSTEM, ["a system message is refused"]),
    (TOOLS, ["a system message is written", "a call of a tool without content is written"]),
    (None, ["none: messages are written"]),
])  # fmt: skip
def test_doctor_says_what_the_template_writes(page, template, words):
    found, text = page(template)
    assert all(word in " ".join(found["template"]) for word in words)
    assert found["template"][0] in text


def test_doctor_shows_the_text_that_is_asked_for_and_no_control_characters(page):
    found, text = page(None, "--prompt", "A \x1b[31mred prompt", "--response", "B")
    assert "".join(found["texts"]["plain text"]["tokens"]).strip().startswith("A \x1b[31mred")
    assert "\x1b" not in text


def test_doctor_of_a_model_without_a_head_says_so(capsys):
    assert main(["doctor", "tiny-encoder", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["has_fresh_head"] is True
    assert found["convention"] == {"convention": "two segments"}


def test_doctor_says_that_a_date_was_pinned(tmp_path, capsys):
    dated(DATED, tmp_path / "model")
    assert main(["doctor", str(tmp_path / "model")]) == 0
    assert TEMPLATE_DATE.isoformat() in capsys.readouterr().out


@pytest.mark.parametrize("options", [["--json"], ["tiny-decoder", "--prompt", "a"]])
def test_doctor_refuses_options_that_do_not_belong(options, capsys):
    assert main(["doctor", *options]) == 2
    assert "give" in capsys.readouterr().err
