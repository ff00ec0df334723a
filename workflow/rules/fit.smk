"""The coupled fit of a comparison, and the tables that are made from the fit."""


rule check_annotation:
    input:
        files_of,
    output:
        "results/{comparison}/annotation.json",
    log:
        "logs/check_annotation/{comparison}.log",
    benchmark:
        "logs/benchmarks/check_annotation/{comparison}.tsv"
    priority: 100
    conda:
        "../../envs/cgmm.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000, 0.2),
        runtime=minutes(30, 5),
    params:
        annotation_key=annotation_of,
        reading=lookup("reading", within=config),
        code=code("cgmm.pp._sample_checks"),
    message:
        "Check that the column that names the subpopulations of {wildcards.comparison} is there (seconds)"
    script:
        "../scripts/check_annotation.py"


rule check_markers:
    input:
        markers_of,
    output:
        "results/{comparison}/markers.json",
    log:
        "logs/check_markers/{comparison}.log",
    benchmark:
        "logs/benchmarks/check_markers/{comparison}.tsv"
    priority: 100
    conda:
        "../../envs/cgmm.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000, 0.2),
        runtime=minutes(30, 5),
    params:
        code=code("cgmm.genes.marker_table"),
    message:
        "Check the marker table that names the subpopulations of {wildcards.comparison} (seconds)"
    script:
        "../scripts/check_markers.py"


rule check_gene_sets:
    input:
        gene_sets_of,
    output:
        "results/{comparison}/gene_sets.json",
    log:
        "logs/check_gene_sets/{comparison}.log",
    benchmark:
        "logs/benchmarks/check_gene_sets/{comparison}.tsv"
    priority: 100
    conda:
        "../../envs/cgmm.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000, 0.2),
        runtime=minutes(30, 5),
    params:
        code=code("cgmm.genes.gene_sets"),
    message:
        "Check the gene sets of {wildcards.comparison} (seconds)"
    script:
        "../scripts/check_gene_sets.py"


rule check_design:
    input:
        files_of,
    output:
        "results/{comparison}/design.json",
    log:
        "logs/check_design/{comparison}.log",
    benchmark:
        "logs/benchmarks/check_design/{comparison}.tsv"
    priority: 100
    conda:
        "../../envs/cgmm.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000, 0.2),
        runtime=minutes(30, 5),
    params:
        samples=rows_of,
        rows=whole_rows_of,
        ends=ends_of,
        design=lookup("donors/design", within=config),
        technical_replicates=lookup("donors/technical_replicates", within=config),
        columns=columns_of_obs(config, ROWS),
        reading=lookup("reading", within=config),
        code=code("cgmm.donors.design_of_samples", "cgmm.pp._sample_values"),
    message:
        "Check that the samples of {wildcards.comparison} allow the design (seconds)"
    script:
        "../scripts/check_design.py"


rule fit:
    input:
        embedding=of_dataset("embedding.h5ad"),
        facts=of_dataset("embedding.json"),
        shared=shared_fit_of,
    output:
        arrays="results/{comparison}/fit.npz",
        values="results/{comparison}/fit.json",
    log:
        "logs/fit/{comparison}.log",
    benchmark:
        "logs/benchmarks/fit/{comparison}.tsv"
    priority: 10
    conda:
        "../../envs/cgmm.yaml"
    threads: threads_per_fit()
    resources:
        mem_mb=memory(2000, 40),
        runtime=minutes(120, 2000),
    params:
        ends=ends_of,
        fit=lookup("fit", within=config),
        code=code(
            "cgmm.tl._fit_comparison",
            "cgmm.results.embedding",
            "cgmm.results.fit_files",
        ),
    message:
        "Fit {wildcards.comparison}: choose the settings, fit coupled mixtures (up to a minute per 10,000 cells)"
    script:
        "../scripts/fit.py"


rule summarise:
    input:
        arrays="results/{comparison}/fit.npz",
        values="results/{comparison}/fit.json",
        embedding=of_dataset("embedding.h5ad"),
        facts=of_dataset("embedding.json"),
        map=of_dataset("map.h5ad"),
        prepared=of_dataset("prepared.h5ad"),
        check=of_dataset("check.json"),
        qc=of_dataset("qc.json"),
        annotation=annotation_check_of,
        markers=markers_of,
        marker_check=marker_check_of,
        gene_sets=gene_sets_of,
        gene_sets_check=gene_sets_check_of,
        design=design_check_of,
        shared=shared_populations_of,
    output:
        [table(name) for name in TABLES],
        decisions="results/{comparison}/decisions.tsv",
        cells="results/{comparison}/cells.tsv.gz",
        gene_donors="results/{comparison}/gene_donors.tsv.gz",
        gene_sets="results/{comparison}/gene_sets.tsv.gz",
        annotated="results/{comparison}/annotated.h5ad",
        facts="results/{comparison}/report.json",
    log:
        "logs/summarise/{comparison}.log",
    benchmark:
        "logs/benchmarks/summarise/{comparison}.tsv"
    conda:
        "../../envs/cgmm.yaml"
    threads: threads_per_fit()
    resources:
        mem_mb=front_memory(1500, 12),
        runtime=minutes(120, 300),
    params:
        ends=ends_of,
        settings=settings_of,
        samples=whole_rows_of,
        annotation_key=annotation_of,
        entry=lambda wildcards: FAMILIES.get(
            COMPARISONS[wildcards.comparison]["family"]
        ),
        code=code("cgmm.results.write", "cgmm.donors.uncertainty"),
    message:
        "Summarise {wildcards.comparison}: uncertainty, names, genes, tables, annotated h5ad (up to a minute per 10,000 cells)"
    script:
        "../scripts/summarise.py"
