"""One page per comparison, and the index page."""


rule report:
    input:
        "results/{comparison}/report.json",
        "results/{comparison}/cells.tsv.gz",
        "results/{comparison}/decisions.tsv",
        "results/{comparison}/gene_donors.tsv.gz",
        "results/{comparison}/gene_sets.tsv.gz",
        [f"results/{{comparison}}/{table.file}" for table in TABLES.values()],
    output:
        page=report(
            "reports/{comparison}.html",
            caption="../report/comparison.rst",
            category="Comparisons",
            labels={"comparison": "{comparison}", "page": "report"},
        ),
        findings="results/{comparison}/findings.json",
        multiqc="results/{comparison}/cgmm_{comparison}_mqc.json",
    log:
        "logs/report/{comparison}.log",
    benchmark:
        "logs/benchmarks/report/{comparison}.tsv"
    conda:
        "../../envs/cgmm.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000, 10),
        runtime=minutes(30, 60),
    params:
        title=title_of,
        code=code("cgmm.report"),
    message:
        "Write the report of {wildcards.comparison} (about 10 s)"
    script:
        "../scripts/report.py"


rule parquet:
    input:
        [f"results/{{comparison}}/{table.file}" for table in WRITTEN],
    output:
        [f"results/{{comparison}}/{parquet_name(table)}" for table in WRITTEN],
    log:
        "logs/parquet/{comparison}.log",
    benchmark:
        "logs/benchmarks/parquet/{comparison}.tsv"
    conda:
        "../../envs/parquet.yaml"
    threads: 1
    resources:
        mem_mb=memory(500, 20),
        runtime=minutes(10, 30),
    params:
        code=code("cgmm.results.parquet"),
    message:
        "Write the tables of {wildcards.comparison} as Parquet files (seconds)"
    script:
        "../scripts/parquet.py"


rule index:
    input:
        facts=collect("results/{comparison}/report.json", comparison=COMPARISONS),
        reports=collect("reports/{comparison}.html", comparison=COMPARISONS),
        of_targets=collect("results/{family}/targets.json", family=FAMILIES),
        reports_of_targets=collect("reports/{family}.html", family=FAMILIES),
    output:
        report(
            "reports/index.html",
            caption="../report/index.rst",
            category="Overview",
            labels={"page": "all comparisons"},
        ),
    log:
        "logs/index.log",
    benchmark:
        "logs/benchmarks/index.tsv"
    conda:
        "../../envs/cgmm.yaml"
    threads: 1
    resources:
        mem_mb=memory(500),
        runtime=minutes(10),
    params:
        titles=[title_of_comparison(name) for name in COMPARISONS],
        code=code("cgmm.report"),
    message:
        "Write the list of reports"
    script:
        "../scripts/index.py"
