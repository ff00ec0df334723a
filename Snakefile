"""Coupled Gaussian mixtures for two-condition single-cell data, from files to reports.

One comparison = one report: reports/{comparison}.html, listed in reports/index.html.
Settings: config/config.yaml and config/samples.tsv, explained in config/README.md.
"""


include: "workflow/rules/run.smk"


rule all:
    default_target: True
    input:
        "reports/index.html",
        collect("reports/{page}.html", page=PAGES),
        PARQUET,
