"""Everything of the workflow but its default target, for the two entries.

The entries are Snakefile, in the root of the checkout, and workflow/Snakefile, where the standard
layout of Snakemake has it. Snakemake takes its default target from the entry itself.
"""

from snakemake.utils import min_version

min_version("9.12")


report: "../report/workflow.rst"


include: "config.smk"
include: "common.smk"
include: "demo.smk"
include: "prepare.smk"
include: "fit.smk"
include: "targets.smk"
include: "report.smk"


# for --batch reports=1/10, which needs a rule with one input per comparison
rule reports:
    input:
        collect("reports/{page}.html", page=PAGES),


onstart:
    greet()


onsuccess:
    show_reports()


onerror:
    show_errors()
