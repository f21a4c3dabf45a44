"""TOML files that people write, and some that nobody should have written: one sentence with file and key."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from core.errors import ConfigError, SchemeError, StarmarkError, shown
from core.model.crops import read_rule
from core.scheme import load_scheme
from core.toml_file import read_toml
from training.config import load_config

Loader = Callable[[Path], object]
SCHEME = 'id = "a"\ntitle = "b"\npoints = ["a", "b"]\nregions = []\nflip = []\nnormalisers = {a = [[0], [1]]}\n'


def refusal(tmp_path: Path, load: Loader, content: str | bytes) -> str:
    path = tmp_path / "f.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(StarmarkError) as caught:
        load(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    assert text.isprintable()
    assert len(text) < 700
    assert caught.value.remedy
    return text


@pytest.mark.parametrize("load", [load_scheme, load_config, read_rule])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xfea", "not UTF-8 text"),
        ("a = 1".encode("utf-16"), "not UTF-8 text"),
        ("a = ", "not valid TOML (Invalid value"),
        ("a = 1\na = 2", "not valid TOML (Cannot overwrite"),
        ("a = " + "1" * 5000, "a number has thousands of digits"),
        ("a = 2020-02-30", "not valid TOML"),
        ("a = " + "[" * 50_000, "nested too deeply"),
        ("a = " + "{a = " * 50_000, "nested too deeply"),
        ("a" + ".a" * 50_000 + " = 1", "a key has too many parts (line 1)"),  # 8 GB and a minute for tomllib
        ("b = 1\n[a" + " . 'a'" * 50_000 + "]", "a key has too many parts (line 2)"),
        ('x."' + "y" * 100_000 + '" = 1', "key"),
        ('"a\\nb\\u001b[2J" = 1', "key"),
        ("#" + " " * 2**20, "too large"),
        ("", "the file is empty"),
    ],
)
def test_what_is_no_toml_of_ours(tmp_path: Path, load: Loader, content: str | bytes, message: str | None) -> None:
    if message is None:
        if load is not load_config:  # no setting is missing there
            assert "is missing" in refusal(tmp_path, load, content) or "has no table" in refusal(
                tmp_path, load, content
            )
        return
    assert message in refusal(tmp_path, load, content)


def test_dots_in_texts_and_remarks_are_no_deep_key(tmp_path: Path) -> None:
    path = tmp_path / "f.toml"
    path.write_text(
        "# " + "." * 200 + "\n# " + "one. two, " * 50 + '\na.b.c.d = "' + "..." * 50 + '"\nb = [' + "0.5, " * 99 + "]\n"
    )
    assert set(read_toml(path, ConfigError, "the file")) == {"a", "b"}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("seed = 0x" + "f" * 100_000, "'seed' must be from 0 to 2.14748e+09, not a number of many digits"),
        ("learning_rate = 0x" + "f" * 2000, "'learning_rate' must be a number, not a number of many digits"),
        ("learning_rate = nan", "'learning_rate' must be a number, not nan"),
        ("learning_rate = -inf", "'learning_rate' must be a number, not -inf"),
        ("seed.a.b = 1", "'seed' must be a whole number, not a table"),
        ("seed = [[1], [2]]", "'seed' must be a whole number, not a list"),
        ("seed = 1979-05-27", "'seed' must be a whole number, not a date or time"),
        ("seed = 1.0", "'seed' must be a whole number, not 1.0"),
        ('loss = "' + "x" * 100_000 + '"', "'loss' must be one of star"),
        ("milestones = [" + "0.5, " * 50_000 + "]", "'milestones' must have at most 100 entries"),
        ("milestones = [[0.5]]", "'milestones' must be a number, not a list"),
        ("epochs = true", "'epochs' must not be true or false"),
        ("[train]\nepochs = 3", "unknown key 'train'"),
    ],
)
def test_settings_of_training(tmp_path: Path, line: str, message: str) -> None:
    assert message in refusal(tmp_path, load_config, line)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("flip = []", "flip = [[0x" + "f" * 10_000 + ", 1]]", "key 'flip[0]' has a number of many digits"),
        ("flip = []", "flip = [['" + "f" * 10_000 + "', 1]]", "key 'flip[0]' has 'fff"),
        ("flip = []", "flip = [[0, {a = 1}]]", "key 'flip[0]' has a table"),
        ("regions = []", "regions = [{'" + "k" * 10_000 + "' = 1}]", "key 'regions[0].kkk"),
        ("regions = []", "regions.a.b.c = 1", "key 'regions' must be a list of tables"),
        ('id = "a"', 'id = "' + "a" * 1000 + '"', "key 'id' must be one line of at most 200 letters"),
        ('title = "b"', 'title = "a\\nb"', "key 'title' must be one line of at most 200 letters"),
        ("normalisers = {a", "default_normaliser.a = 1\nnormalisers = {a", "key 'default_normaliser' names a table"),
    ],
)
def test_schemes(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert SCHEME.count(old) == 1
    assert message in refusal(tmp_path, load_scheme, SCHEME.replace(old, new))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[dx]\n[dy]\n", "has no table 'log_side'"),
        ("dx = 3", "has no table 'dx'"),
        ("[dx]\n[dy]\n[log_side]\n[more]", "has the unknown key 'more'"),
        ("[dx]\none = 1\n[dy]\n[log_side]", "has the unknown key 'dx.one'"),
        ("[dx]\neyes_x = nan\n[dy]\n[log_side]", "has nan as 'dx.eyes_x'"),
        ("[dx]\n[dy]\none = 1e300\n[log_side]", "has 1e+300 as 'dy.one'"),
        ("[dx]\n[dy]\none = '1'\n[log_side]", "has '1' as 'dy.one'"),
        ("[dx]\n[dy]\none = true\n[log_side]", "has True as 'dy.one'"),
    ],
)
def test_the_crop_rule(tmp_path: Path, content: str, message: str) -> None:
    assert message in refusal(tmp_path, read_rule, content)


def test_values_are_shown_shortly() -> None:
    assert shown(1.5) == "1.5"
    assert shown("a\nb") == r"'a\nb'"
    assert shown({"a": 1}) == "a table"
    assert shown([[]] * 10**6) == "a list"
    assert shown(-(10**5000)) == "a number of many digits"
    assert len(shown("x" * 10**6)) < 70


def test_errors_are_one_short_line() -> None:
    error = SchemeError("key 'a\tb\u202e' " + "x" * 10_000, where="f\r\n.toml", remedy="Do\x07 that")
    text = str(error)
    assert text.isprintable()
    assert text.startswith(r"f\r\n.toml: key 'a\tb\u202e' xxx")
    assert text.endswith(r"x.... Do\x07 that.")
    assert len(text) < 1100
    assert str(ConfigError("größer als 顔", where="ä b.toml")) == "ä b.toml: größer als 顔"
