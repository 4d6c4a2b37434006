"""What rmlab relies on in the native code of tokenizers: how it fails."""

import json
import os

import pytest
from tokenizers import Tokenizer, models, processors

from rmlab._compat.tokenizers_internals import without_panic


def _panicking() -> Tokenizer:
    """Return a tokenizer whose template names a special token that it does not define."""
    tokenizer = Tokenizer(models.WordLevel({"a": 0, "[CLS]": 1}, unk_token="a"))
    tokenizer.post_processor = processors.TemplateProcessing("[CLS] $A", special_tokens=[("[CLS]", 1)])
    described = json.loads(tokenizer.to_str())
    described["post_processor"]["special_tokens"] = {}
    return Tokenizer.from_str(json.dumps(described))


def test_a_panic_becomes_a_value_error_and_leaves_standard_error_clean(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(BaseException, match="no entry") as raw:
        _panicking().encode("a")
    assert not isinstance(raw.value, Exception)
    assert "panicked" in capfd.readouterr().err
    with pytest.raises(ValueError, match="no entry"):
        without_panic(lambda: _panicking().encode("a"))
    assert capfd.readouterr().err == ""


def test_other_errors_and_what_was_written_pass_through(capfd: pytest.CaptureFixture[str]) -> None:
    assert without_panic(lambda: os.write(1, b"told\n") + os.write(2, b"said\n")) == 10
    assert capfd.readouterr() == ("", "told\nsaid\n")
    with pytest.raises(KeyboardInterrupt):
        without_panic(_interrupted)


def _interrupted() -> None:
    raise KeyboardInterrupt
