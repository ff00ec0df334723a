"""Coupled Gaussian mixtures for two-condition single-cell data, from h5ad files to reports.

One comparison = one report: reports/{comparison}.html, listed in reports/index.html.
Settings: config/config.yaml and config/samples.tsv, explained in config/README.md.
"""

from snakemake.utils import min_version

min_version("9.12")


report: "workflow/report/workflow.rst"


include: "workflow/rules/config.smk"
include: "workflow/rules/common.smk"
include: "workflow/rules/demo.smk"
include: "workflow/rules/prepare.smk"
include: "workflow/rules/fit.smk"
include: "workflow/rules/report.smk"


rule all:
    default_target: True
    input:
        "reports/index.html",
        collect("reports/{comparison}.html", comparison=COMPARISONS),


# for --batch reports=1/10, which needs a rule with one input per comparison
rule reports:
    input:
        collect("reports/{comparison}.html", comparison=COMPARISONS),


onstart:
    greet()


onsuccess:
    show_reports()


onerror:
    show_errors()
