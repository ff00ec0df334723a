"""Comparisons with several targets: shared populations, common tables, and one report."""


rule share_populations:
    input:
        fits=of_members("fit.npz"),
        values=of_members("fit.json"),
        embedding=of_family_dataset("embedding.h5ad"),
        facts=of_family_dataset("embedding.json"),
        prepared=of_family_dataset("prepared.h5ad"),
        markers=markers_of,
    output:
        arrays="results/{family}/populations.npz",
        values="results/{family}/populations.json",
    log:
        "logs/share_populations/{family}.log",
    benchmark:
        "logs/benchmarks/share_populations/{family}.tsv"
    conda:
        "../../envs/cgmm.yaml"
    threads: 1
    resources:
        mem_mb=front_memory(2000, 12),
        runtime=minutes(60, 100),
    params:
        source=lambda wildcards: family_of(wildcards)["source"],
        targets=lambda wildcards: family_of(wildcards)["targets"],
        annotation_key=annotation_of,
        random_state=lookup("fit/random_state", within=config),
        code=code("cgmm.results.shared"),
    message:
        "Find the populations of all targets of {wildcards.family} together (up to a minute per 10,000 cells)"
    script:
        "../scripts/share_populations.py"


rule summarise_targets:
    input:
        facts=of_members("report.json"),
        annotated=of_members("annotated.h5ad"),
        populations=of_members("populations.tsv"),
    output:
        [
            report(
                f"results/{{family}}/{table.file}",
                caption=f"../report/tables/{table.name}.rst",
                category="Tables",
                subcategory="{family}",
                labels={"comparison": "{family}", "table": table.label},
            )
            for table in OF_TARGETS.values()
        ],
        facts="results/{family}/targets.json",
    log:
        "logs/summarise_targets/{family}.log",
    benchmark:
        "logs/benchmarks/summarise_targets/{family}.tsv"
    conda:
        "../../envs/cgmm.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000, 2),
        runtime=minutes(30, 10),
    params:
        entry=family_of,
        code=code("cgmm.results.targets"),
    message:
        "Compare the targets of {wildcards.family}: trend, pairs (seconds)"
    script:
        "../scripts/summarise_targets.py"


rule report_targets:
    input:
        facts="results/{family}/targets.json",
        tables=[f"results/{{family}}/{table.file}" for table in OF_TARGETS.values()],
        members=of_members("report.json"),
        pages=lambda wildcards: collect(
            "reports/{comparison}.html", comparison=family_of(wildcards)["members"]
        ),
    output:
        report(
            "reports/{family}.html",
            caption="../report/targets.rst",
            category="Comparisons",
            labels={"comparison": "{family}", "page": "report"},
        ),
    log:
        "logs/report_targets/{family}.log",
    benchmark:
        "logs/benchmarks/report_targets/{family}.tsv"
    conda:
        "../../envs/cgmm.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000, 10),
        runtime=minutes(30, 60),
    params:
        code=code("cgmm.report"),
    message:
        "Write the common report of the targets of {wildcards.family} (about 10 s)"
    script:
        "../scripts/report_targets.py"
