"""Settings and helper functions of the rules."""

import os
import re
import shlex
import sys
import time
from pathlib import Path

from cgmm.results.parquet import WRITTEN, parquet_name
from cgmm.tables import OF_TARGETS, TABLES
from snakemake.exceptions import WorkflowError
from workflow.config import load
from workflow.design import columns_of_obs, known_columns
from workflow.fingerprint import digest
from workflow.plan import is_dry_run, plan
from workflow.sheet import grouped
from workflow.validation import SettingsError

# With an object storage, relative paths lie in the storage, and jobs read local copies.
STORED = workflow.storage_settings.default_storage_provider is not None
# Jobs then have an environment of their own.
DEPLOYED = bool(workflow.deployment_settings.deployment_method)

try:
    settings, ROWS = load(
        config, files_are_here=not STORED, packages_are_here=not DEPLOYED
    )
except SettingsError as error:
    message = f"Nothing was run. Please correct:\n{error}"
    raise WorkflowError(message) from None

config.update(settings)

COMPARISONS = {comparison["name"]: comparison for comparison in config["comparisons"]}
FAMILIES = {family["name"]: family for family in config["families"]}
PAGES = [*FAMILIES, *COMPARISONS]
PARQUET = (
    collect(
        "results/{comparison}/{file}",
        comparison=COMPARISONS,
        file=[parquet_name(table) for table in WRITTEN],
    )
    if config["parquet"]
    else []
)
DATASETS = grouped(ROWS, "dataset")
STARTED = time.time()

# The report quotes the command. It is no parameter, because it changes no result.
os.environ.setdefault("CGMM_COMMAND", shlex.join(["snakemake", *sys.argv[1:]]))


wildcard_constraints:
    dataset="|".join(map(re.escape, DATASETS)),
    comparison="|".join(map(re.escape, COMPARISONS)),
    family="|".join(map(re.escape, FAMILIES)) or "(?!)",


def code(*modules):
    """Fingerprint of the modules that a rule runs. When it changes, the rule runs again."""
    return digest(ROOT, *modules)


def dataset_of(wildcards):
    """The dataset of a job."""
    return (
        getattr(wildcards, "dataset", None)
        or COMPARISONS[wildcards.comparison]["dataset"]
    )


def rows_of(wildcards):
    """Rows of the sample sheet of a dataset, or of the dataset of a comparison.

    Columns that only the design of the donors reads are left out, so that a change of them does not
    make everything run again.
    """
    read = [key for key in known_columns() if key != "dataset"]
    return [{key: row[key] for key in read} for row in DATASETS[dataset_of(wildcards)]]


def whole_rows_of(wildcards):
    """Rows of the sample sheet of the dataset of a comparison, with the columns of the design."""
    return [
        {key: value for key, value in row.items() if key != "dataset"}
        for row in DATASETS[dataset_of(wildcards)]
    ]


def files_of(wildcards):
    """Files with the samples of a dataset, or of the dataset of a comparison."""
    return list(dict.fromkeys(row["path"] for row in DATASETS[dataset_of(wildcards)]))


def of_dataset(name):
    """Input function: a file of the dataset of a comparison."""
    return lambda wildcards: (
        f"results/{COMPARISONS[wildcards.comparison]['dataset']}/{name}"
    )


def ends_of(wildcards):
    """Source and target of a comparison."""
    comparison = COMPARISONS[wildcards.comparison]
    return {key: comparison[key] for key in ("source", "target")}


def shared_fit_of(wildcards):
    """Input function: the fit whose source components a comparison shares, when there is one."""
    first = COMPARISONS[wildcards.comparison]["first"]
    return [f"results/{first}/fit.npz", f"results/{first}/fit.json"] if first else []


def shared_populations_of(wildcards):
    """Input function: the populations of all targets of the same entry of the config."""
    family = COMPARISONS[wildcards.comparison]["family"]
    return (
        [f"results/{family}/populations.npz", f"results/{family}/populations.json"]
        if family
        else []
    )


def family_of(wildcards):
    """The entry of the config with several targets."""
    return FAMILIES[wildcards.family]


def of_members(name):
    """Input function: a file of every comparison of an entry with several targets."""
    return lambda wildcards: collect(
        f"results/{{comparison}}/{name}", comparison=family_of(wildcards)["members"]
    )


def of_family_dataset(name):
    """Input function: a file of the dataset of an entry with several targets."""
    return lambda wildcards: f"results/{family_of(wildcards)['dataset']}/{name}"


def entry_of(wildcards):
    """The comparison of a job, or the entry of the config with several targets."""
    if hasattr(wildcards, "family"):
        return family_of(wildcards)
    return COMPARISONS[wildcards.comparison]


def annotation_of(wildcards):
    """Column of obs that names the subpopulations of a comparison."""
    own = entry_of(wildcards)["annotation_key"]
    return own or config["annotation_key"]


def annotation_check_of(wildcards):
    """Input function: the check of the annotation column, when a column is set.

    The check is separate from the check of the dataset. A column that only one comparison uses
    therefore does not make other comparisons run again.
    """
    return (
        [f"results/{wildcards.comparison}/annotation.json"]
        if annotation_of(wildcards)
        else []
    )


def markers_of(wildcards):
    """Input function: the marker table of a comparison, when there is one."""
    path = entry_of(wildcards)["markers"] or config["markers"]
    return [path] if path else []


def marker_check_of(wildcards):
    """Input function: the check of the marker table of a comparison, when there is one."""
    return (
        [f"results/{wildcards.comparison}/markers.json"]
        if markers_of(wildcards)
        else []
    )


def gene_sets_of(wildcards):
    """Input function: the file of gene sets, when there is one."""
    return [config["gene_sets"]] if config["gene_sets"] else []


def gene_sets_check_of(wildcards):
    """Input function: the check of the gene sets, when there are any."""
    return (
        [f"results/{wildcards.comparison}/gene_sets.json"]
        if config["gene_sets"]
        else []
    )


def design_check_of(wildcards):
    """Input function: the check of the design, when it names columns of obs."""
    return (
        [f"results/{wildcards.comparison}/design.json"]
        if columns_of_obs(config, ROWS)
        else []
    )


def title_of(wildcards):
    """Title of a report."""
    return title_of_comparison(wildcards.comparison)


def title_of_comparison(name):
    """Title of the report of a comparison."""
    return COMPARISONS[name]["title"]


def settings_of(wildcards):
    """The settings that a report quotes: every setting on which its numbers depend."""
    left_out = (
        *("comparisons", "families", "samples"),
        *("annotation_key", "markers", "gene_sets", "parquet"),
    )
    return {key: value for key, value in config.items() if key not in left_out}


def threads_per_fit():
    """Threads of a fit: cores divided by comparisons, at least one, at most eight.

    On a cluster the number of cores is not known, and the profile sets the threads
    (``set-threads``). With ``snakemake --report`` it is not known either, and nothing runs.
    """
    cores = workflow.resource_settings.cores or 1
    return max(1, min(8, cores // len(COMPARISONS)))


def table(name):
    """A table of a comparison, with its caption in Snakemake's own report."""
    return report(
        f"results/{{comparison}}/{TABLES[name].file}",
        caption=f"../report/tables/{name}.rst",
        category="Tables",
        subcategory="{comparison}",
        labels={"comparison": "{comparison}", "table": TABLES[name].label},
    )


def memory(base, per_input=0):
    """Memory in MB: a base plus a multiple of the input size, times the number of the attempt."""
    return lambda wildcards, input, attempt: int(
        attempt * (base + per_input * input.size_mb)
    )


def front_memory(base, per_input):
    """Memory in MB for the values of all samples.

    It grows with the input up to a bound that depends on ``scale``. With ``scale: auto``, samples
    above a limit are read in blocks, and the values of samples below the limit take at most 4 GB.
    """
    bounds = {"memory": float("inf"), "auto": 4000, "lazy": 500}
    most = bounds[config["scale"]]
    return lambda wildcards, input, attempt: int(
        attempt * (base + min(per_input * input.size_mb, most) + 0.1 * input.size_mb)
    )


def minutes(base, per_gb=0):
    """Run time: a base plus minutes per GB of input, times the number of the attempt."""
    return lambda wildcards, input, attempt: int(
        attempt * (base + per_gb * input.size_mb / 1000)
    )


def greet():
    """Log which comparisons will run."""
    names = ", ".join(COMPARISONS)
    counted = ", ".join(
        f"{n} {noun}{'' if n == 1 else 's'}{more}"
        for n, noun, more in (
            (len(COMPARISONS), "comparison", f" ({names})"),
            (len(ROWS), "sample", ""),
        )
    )
    logger.info(f"cgmm: {counted}.")
    for name, family in FAMILIES.items():
        logger.info(f"cgmm: {name} has {len(family['targets'])} targets, one report.")
    show_plan()


def show_plan():
    """Log what each comparison is expected to take."""
    for line in plan(COMPARISONS, DATASETS):
        logger.info(f"cgmm: {line}")


def show_reports():
    """Log where the reports are."""
    logger.info("cgmm: done. Open in a browser:")
    for path in ("reports/index.html", *(f"reports/{c}.html" for c in PAGES)):
        if Path(path).is_file():
            logger.info(f"  {Path(path).resolve()}")


def show_errors():
    """Repeat the sentences of failed jobs at the end of the log."""
    logger.error("cgmm: stopped.")
    for path in sorted(Path("logs").rglob("*.log")):
        if path.stat().st_mtime >= STARTED - 1:
            for line in path.read_text(errors="replace").splitlines():
                if line.startswith("ERROR: "):
                    logger.error(f"  {line.removeprefix('ERROR: ')}")


# onstart is not called in a dry run
if is_dry_run(sys.argv[1:]) and not STORED:
    show_plan()
