"""Mistakes in config and sample sheet. ``p`` is a project with tiny files, not written yet."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import yaml

from tests.whole.bad.cases import Case
from tests.workflow.conftest import Project
from workflow.config import load
from workflow.validation import SettingsError

HEAD = "sample\tpath\tcondition\n"


def config(**keys: Any) -> Callable[[Project], object]:
    """Load with some keys of the config replaced."""

    def make(p: Project) -> object:
        p.settings.update(keys)
        p.write()
        return load(p.settings)

    return make


def comparison(**keys: Any) -> Callable[[Project], object]:
    def make(p: Project) -> object:
        p.settings["comparisons"][0].update(keys)
        p.write()
        return load(p.settings)

    return make


def whole(value: Any) -> Callable[[Project], object]:
    return lambda p: load(value)


def text(written: str) -> Callable[[Project], object]:
    """Load what YAML makes of a text."""
    return lambda p: load(yaml.safe_load(written))


def row(**fields: str) -> Callable[[Project], object]:
    def make(p: Project) -> object:
        p.rows[0].update(fields)
        p.write()
        return load(p.settings)

    return make


def sheet(content: str | bytes) -> Callable[[Project], object]:
    def make(p: Project) -> object:
        p.write()
        data = content if isinstance(content, bytes) else content.encode()
        (p.folder / "samples.tsv").write_bytes(data)
        return load(p.settings)

    return make


def designed(
    formula: object, columns: dict[str, str] | None = None, **donors: Any
) -> Callable[[Project], object]:
    """Load with a design; ``columns`` has the value of each of the six samples, b1 b2 b3 a1 a2 a3."""

    def make(p: Project) -> object:
        p.settings["donors"] = {**p.settings.get("donors", {}), "design": formula, **donors}
        for name, values in (columns or {}).items():
            for one, value in zip(p.rows, values.split(), strict=True):
                one[name] = "" if value == "-" else value
        p.write()
        return load(p.settings)

    return make


def several(columns: dict[str, str] | None = None, **keys: Any) -> Callable[[Project], object]:
    """Load with several targets: b1 b2 before, b3 a1 at one dose, a2 a3 at another.

    ``columns`` has the value of each of these six samples; ``keys`` replace those of the comparison.
    """

    def make(p: Project) -> object:
        entry: dict[str, Any] = {"name": "dose", "source": "none", "targets": ["low", "high"]}
        p.settings["comparisons"] = [{k: v for k, v in (entry | keys).items() if v is not None}]
        for one, condition in zip(
            p.rows, ["none", "none", "low", "low", "high", "high"], strict=True
        ):
            one["condition"] = condition
        for name, values in (columns or {}).items():
            for one, value in zip(p.rows, values.split(), strict=True):
                one[name] = "" if value == "-" else value
        p.write()
        return load(p.settings)

    return make


def again(p: Project) -> object:
    p.settings["comparisons"].append({**p.settings["comparisons"][0], "name": "Drug"})
    p.write()
    return load(p.settings)


def laughs() -> Any:
    value: Any = ["lol"] * 9
    for _ in range(12):
        value = [value] * 9
    return value


def itself() -> Any:
    value: list = []
    value.append(value)
    return value


CONFIG = [
    Case("nothing in the config", whole(None), "config: it is empty", SettingsError),
    Case("a list for the config", whole([1]), "config: it is [1], not a list of `key: value`", SettingsError),
    Case("an unknown key", config(n_component=3), "unknown key `n_component`", SettingsError),
    Case("a key misspelt", config(fit={"n_component": 3}), "did you mean `n_components`?", SettingsError),
    Case("a key that is a number", text("1: x"), "the key 1 is not text. Put it in quotes", SettingsError),
    Case("a key that YAML takes for true", text("on: x"), "the key True is not text", SettingsError),
    Case("aliases that multiply", config(comparisons=laughs()), "Write it without YAML aliases", SettingsError),
    Case("an alias of itself", config(qc=itself()), "Write it without YAML aliases", SettingsError),
    Case("NaN", text("fit: {rho: .nan}"), "a value is nan, which is not a finite number", SettingsError),
    Case("infinity", text("fit: {epsilon: .inf}"), "a value is inf, which is not a finite number", SettingsError),
    Case("a design that is no text", designed(["condition"]), "`donors.design` is ['condition'], which does not fit", SettingsError),
    Case("a design that cannot be read", designed("~ condition +"), "config, donors: design='~ condition +' cannot be read", SettingsError),
    Case("a design without the condition", designed("~ sex", {"sex": "f m f m f m"}), "design='~ sex' lacks `condition`, so it compares nothing", SettingsError),
    Case("a design with a constant column", designed("~ condition + sex", {"sex": "f f f f f f", "donor": "p q r s t u"}), "config, comparison drug: design: 'sex' is f in every donor", SettingsError),
    Case("a design with an empty field", designed("~ condition + sex", {"sex": "f - m f m m", "donor": "p q r s t u"}), "'sex' is missing for 1 of 6 donors", SettingsError),
    Case("a design that is the condition", designed("~ condition + site", {"site": "x x x y y y", "donor": "p q r s t u"}), "site cannot be told from condition", SettingsError),
    Case("a design with too many parameters", designed("~ condition + C(day)", {"day": "1 2 3 4 5 1", "donor": "p q r s t u"}), "has 6 parameters, but there are only 6 donors", SettingsError),
    Case("a design with an interaction that has an empty cell", designed("~ condition * sex", {"sex": "f f f f m f", "donor": "p q r s t u"}), "so the interaction condition:sex cannot be estimated", SettingsError),
    Case("a design with a covariate that is another", designed("~ condition + sex + gender", {"sex": "f m f m f m", "gender": "x y x y x y", "donor": "p q r s t u"}), "sex and gender say the same", SettingsError),
    Case("a design without donors", designed("~ condition + sex", {"sex": "f m f m f m", "donor": "- - - - - -"}), "a design needs the column `donor` filled in", SettingsError),
    Case("technical replicates that differ", designed("~ condition + sex", {"sex": "f m f m f m", "donor": "p p r s s u"}, technical_replicates=True), "'sex' differs between the technical replicates of donor p", SettingsError),
    Case("rho = 0", config(fit={"rho": 0}), "`fit.rho`: 0 is less than or equal to the minimum of 0", SettingsError),
    Case("a number in quotes", config(fit={"rho": "1"}), "`fit.rho` is '1', which does not fit", SettingsError),
    Case("a comma for the decimal point", text("fit: {rho: '0,5'}"), "`fit.rho` is '0,5', which does not fit", SettingsError),
    Case("half a dimension", config(n_dims=4.5), "`n_dims` is 4.5, which does not fit", SettingsError),
    Case("a whole number written as 30.0", config(n_pcs=30.0), "`n_pcs` is 30.0, which does not fit", SettingsError),
    Case("true for a number", config(n_pcs=True), "`n_pcs` is True, which does not fit", SettingsError),
    Case("an enormous number", config(donors={"n_bootstrap": 10**9}), "is greater than the maximum of 100000", SettingsError),
    Case("a negative seed", config(fit={"random_state": -1}), "`fit.random_state`: -1 is less than the minimum of 0", SettingsError),
    Case("no component", config(fit={"n_components": 0}), "`fit.n_components` is 0, which does not fit", SettingsError),
    Case("three numbers of components", config(fit={"n_components": [1, 2, 3]}), "`fit.n_components` is [1, 2, 3], which does not fit", SettingsError),
    Case("a list for a group of keys", config(fit=["rho"]), "`fit` is ['rho'], which does not fit", SettingsError),
    Case("more than all mitochondrial", config(qc={"max_pct_mt": 101}), "101 is greater than the maximum of 100", SettingsError),
    Case("yes for true", config(test_genes="yes"), "`test_genes` is 'yes', which does not fit", SettingsError),
    Case("a cofactor of nothing", config(reading={"cofactor": 0}), "`reading.cofactor`: 0 is less than or equal to the minimum of 0", SettingsError),
    Case("an integration that is not known", config(integrate="combat"), "choose one of: none, harmony", SettingsError),
    Case("harmony without batches", config(integrate="harmony"), "needs the column `batch`", SettingsError),
    Case("no sample sheet", config(samples="sample.tsv"), "sample.tsv: the sample sheet does not exist", SettingsError),
    Case("a folder for the sample sheet", config(samples="."), "the sample sheet does not exist", SettingsError),
    Case("the home of nobody", config(samples="~nobody-here/samples.tsv"), "~nobody-here/samples.tsv: the sample sheet does not exist", SettingsError),
    Case("a path with a NUL", config(samples="a\0b"), "the sample sheet does not exist", SettingsError),
    Case("a path that is too long", config(samples="a" * 5000), "the sample sheet does not exist", SettingsError),
    Case("no marker table", config(markers="markers.tsv"), "config: the marker table markers.tsv does not exist", SettingsError),
    Case("a marker table of one comparison that is not there", comparison(markers="m.tsv"), "config, comparison drug: the marker table m.tsv does not exist", SettingsError),
    Case("a marker table with braces in its path", config(markers="{a}.tsv"), "of `markers` has braces, which Snakemake takes for wildcards", SettingsError),
    Case("no file of gene sets", config(gene_sets="sets.gmt"), "config: the file of gene sets sets.gmt does not exist", SettingsError),
    Case("no comparison", config(comparisons=[]), "`comparisons`: [] should be non-empty", SettingsError),
    Case("one comparison without its dash", config(comparisons={"name": "x"}), "`comparisons` is {'name': 'x'}, which does not fit", SettingsError),
    Case("comparisons as words", config(comparisons=["drug"]), "`comparisons.0` is 'drug', which does not fit", SettingsError),
    Case("a comparison without target", text("comparisons: [{name: a, source: b}]"), "`comparisons.0` lacks `target`. Add it", SettingsError),
    Case("target and targets", several(target="low"), "has both `target` and `targets`. Keep one of them", SettingsError),
    Case("targets with the source", several(targets=["low", "none"]), "`targets` has 'none', which is the source", SettingsError),
    Case("a target twice", several(targets=["low", "low"]), "`targets` has 'low' twice. Name each condition once", SettingsError),
    Case("one target in a list", several(targets=["low"]), "`targets` has one condition. Name two or more, or write `target: low`", SettingsError),
    Case("no target in a list", several(targets=[]), "`comparisons.0.targets`: [] should be non-empty", SettingsError),
    Case("targets as text", several(targets="low"), "`comparisons.0.targets` is 'low', which does not fit", SettingsError),
    Case("a target that is a number", several(targets=["low", 10]), "`comparisons.0.targets.1` is 10, which does not fit", SettingsError),
    Case("a target that no sample has", several(targets=["low", "Higher"]), "has the condition 'Higher' (conditions: high, low, none). Did you mean 'high'?", SettingsError),
    Case("an order for one target", several(targets=None, target="low", order="dose"), "has `order`, which is for several targets", SettingsError),
    Case("an order without its column", several(order="dose"), "`order` is 'dose', which is not a column of", SettingsError),
    Case("an order of words", several({"dose": "no no some some much much"}, order="dose"), "must hold numbers, but 'none' has 'no'", SettingsError),
    Case("an order with an empty field", several({"dose": "0 0 1 - 2 2"}, order="dose"), "must hold numbers, but 'low' has '1', nothing", SettingsError),
    Case("an order that differs within a condition", several({"dose": "0 0 1 2 3 3"}, order="dose"), "must be the same in all samples of a condition, but 'low' has 1, 2", SettingsError),
    Case("an order that is the same everywhere", several({"dose": "1 1 1 1 1 1"}, order="dose"), "is 1 in every condition, so nothing is ordered", SettingsError),
    Case("two comparisons of one name", again, "two comparisons are called 'drug' (case does not count)", SettingsError),
    Case("a name with a slash", comparison(name="a/b"), "use letters, digits, `_`, `-` and `.` only", SettingsError),
    Case("a name that leads upwards", comparison(name="../x"), "use letters, digits, `_`, `-` and `.` only", SettingsError),
    Case("a name with a blank", comparison(name="a b"), "use letters, digits, `_`, `-` and `.` only", SettingsError),
    Case("a name with a line end", comparison(name="drug\n"), "use letters, digits, `_`, `-` and `.` only", SettingsError),
    Case("a name for the shell", comparison(name="$(rm -rf x)"), "use letters, digits, `_`, `-` and `.` only", SettingsError),
    Case("an emoji for a name", comparison(name="💊"), "use letters, digits, `_`, `-` and `.` only", SettingsError),
    Case("a very long name", comparison(name="a" * 300), "must have at most 100 characters", SettingsError),
    Case("a name that is taken", comparison(name="index"), "cannot be called 'index'", SettingsError),
    Case("a number for a condition", comparison(source=1), "Put it in quotes, so that YAML takes it for text", SettingsError),
    Case("a condition that YAML takes for true", comparison(source=True), "Put it in quotes, so that YAML takes it for text", SettingsError),
    Case("a condition that YAML takes for a date", comparison(source=datetime.date(2020, 1, 1)), "Put it in quotes, so that YAML takes it for text", SettingsError),
    Case("a condition in other case", comparison(source="Before Drug"), "Did you mean 'before drug'?", SettingsError),
    Case("a condition with a blank behind", comparison(target="after/drug "), "Did you mean 'after/drug'?", SettingsError),
    Case("source = target", comparison(target="before drug"), "source and target are both 'before drug'", SettingsError),
    Case("a dataset that does not exist", comparison(dataset="blood"), "there is no dataset 'blood'", SettingsError),
]  # fmt: skip

SHEET = [
    Case("commas between columns", sheet("sample,path,condition\na,b,c\n"), "the columns are not separated by tabs", SettingsError),
    Case("semicolons between columns", sheet("sample;path;condition\na;b;c\n"), "the columns are not separated by tabs", SettingsError),
    Case("blanks between columns", sheet("sample path condition\na b c\n"), "the columns are not separated by tabs", SettingsError),
    Case("an empty sheet", sheet(""), "the column 'sample', 'path', 'condition' is missing", SettingsError),
    Case("a header only", sheet(HEAD), "lists no sample. Add one row per sample", SettingsError),
    Case("a page of the web", sheet("<html>404</html>"), "unknown column '<html>404</html>'", SettingsError),
    Case("Unicode of a spreadsheet (UTF-16)", sheet(HEAD.encode("utf-16")), "not a text file in UTF-8", SettingsError),
    Case("letters of another encoding", sheet((HEAD + "a\tb\tç\n").encode("latin-1")), "not a text file in UTF-8", SettingsError),
    Case("control characters", sheet(HEAD + "a\tb\0\tc\n"), "line 2: holds control characters", SettingsError),
    Case("a quote that is not closed", sheet(HEAD + 'a\t"b\tc\nd\te"\tf\n'), "line 2: unexpected end of data. Remove the quotes", SettingsError),
    Case("a field without end", sheet(HEAD + "a\t" + "x" * 200_000 + "\tc\n"), "field larger than field limit", SettingsError),
    Case("a file that is no sheet", sheet(b"a" * 20_000_001), "larger than 20 MB, so it is no sample sheet", SettingsError),
    Case("too many fields", sheet(HEAD + "a\tb\tc\td\n"), "sample row 1 has 4 fields but the header 3", SettingsError),
    Case("a column twice", sheet("sample\tpath\tcondition\tpath\na\tb\tc\td\n"), "a column name occurs twice in the header", SettingsError),
    Case("a column misspelt", row(doner="D1"), "unknown column 'doner'; did you mean 'donor'?", SettingsError),
    Case("a file that does not exist", row(path="nowhere.h5ad"), "sample b1: the file nowhere.h5ad does not exist", SettingsError),
    Case("braces in a path", row(path="data/{old}.h5ad"), "the path data/{old}.h5ad has braces, which Snakemake takes for wildcards", SettingsError),
    Case("a folder for a file", row(path="."), "the file . is a folder", SettingsError),
    Case("a device for a file", row(path="/dev/zero"), "the file /dev/zero does not exist", SettingsError),
    Case("text for a file", row(path="samples.tsv"), "is not an h5ad file (it is not HDF5)", SettingsError),
    Case("a path that leads out of the demo", row(path="results/demo/../../x.h5ad"), "the file results/demo/../../x.h5ad does not exist", SettingsError),
    Case("a sample name used twice", row(sample="b2"), "the sample name 'b2' is used 2 times. Rename", SettingsError),
    Case("a sample name with a blank", row(sample="b 1"), "use letters, digits, `_`, `-` and `.` only", SettingsError),
    Case("a dataset that leads upwards", row(dataset=".."), "use letters, digits, `_`, `-` and `.` only", SettingsError),
    Case("no condition", row(condition=""), "lacks `condition`. Add it", SettingsError),
    Case("a donor missing", row(donor=""), "some samples have a donor and others do not (b1)", SettingsError),
    Case("obs_column without obs_value", row(obs_value=""), "`obs_column` and `obs_value` belong together", SettingsError),
    Case("two samples of the same cells", row(obs_value="before drug_D02"), "name the same cells of", SettingsError),
]  # fmt: skip
