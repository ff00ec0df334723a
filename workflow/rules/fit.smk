"""The coupled fit of a comparison, and the tables made from it."""


rule fit:
    input:
        embedding=of_dataset("embedding.h5ad"),
        facts=of_dataset("embedding.json"),
    output:
        arrays="results/{comparison}/fit.npz",
        values="results/{comparison}/fit.json",
    log:
        "logs/fit/{comparison}.log",
    benchmark:
        "logs/benchmarks/fit/{comparison}.tsv"
    conda:
        "../../envs/cgmm.yaml"
    threads: threads_per_fit()
    resources:
        mem_mb=memory(2000, 5),
        runtime=240,
    params:
        ends=ends_of,
        fit=lookup("fit", within=config),
        code=code("cgmm.tl", "cgmm.get", "cgmm._io"),
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
        prepared=of_dataset("prepared.h5ad"),
        check=of_dataset("check.json"),
        qc=of_dataset("qc.json"),
    output:
        collect(
            "results/{{comparison}}/{table}.tsv",
            table=(
                "factors",
                "transfers",
                "arrivals",
                "shifts",
                "genes",
                "gene_agreement",
                "components",
                "donors",
                "donor_shifts",
            ),
        ),
        cells="results/{comparison}/cells.tsv.gz",
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
        mem_mb=memory(1500, 12),
        runtime=60,
    params:
        ends=ends_of,
        settings=settings_of,
        annotation_key=annotation_of,
        title=title_of,
        code=code("cgmm.summary", "cgmm.uncertainty"),
    message:
        "Summarise {wildcards.comparison}: how sure, names, genes, tables, annotated h5ad (up to a minute per 10,000 cells)"
    script:
        "../scripts/summarise.py"
