"""From the files of the samples to the embedding of each dataset."""


rule check:
    input:
        files_of,
    output:
        "results/{dataset}/check.json",
    log:
        "logs/check/{dataset}.log",
    benchmark:
        "logs/benchmarks/check/{dataset}.tsv"
    priority: 100
    conda:
        "../../envs/cgmm.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000, 0.2),
        runtime=minutes(30, 5),
    params:
        samples=rows_of,
        counts_layer=lookup("counts_layer", within=config),
        gene_column=lookup("gene_column", within=config),
        use_rep=lookup("use_rep", within=config),
        modality=lookup("modality", within=config),
        features=lookup("features", within=config),
        missing_genes=lookup("missing_genes", within=config),
        reading=lookup("reading", within=config),
        max_pct_mt=lookup("qc/max_pct_mt", within=config),
        code=code("cgmm.pp._sample_checks"),
    message:
        "Check the samples of dataset {wildcards.dataset} (seconds)"
    script:
        "../scripts/check.py"


rule prepare:
    input:
        files=files_of,
        check="results/{dataset}/check.json",
    output:
        prepared="results/{dataset}/prepared.h5ad",
        qc="results/{dataset}/qc.json",
    log:
        "logs/prepare/{dataset}.log",
    benchmark:
        "logs/benchmarks/prepare/{dataset}.tsv"
    priority: 10
    conda:
        "../../envs/cgmm.yaml"
    threads: 1
    resources:
        mem_mb=front_memory(1500, 20),
        runtime=minutes(60, 60),
    params:
        samples=rows_of,
        counts_layer=lookup("counts_layer", within=config),
        gene_column=lookup("gene_column", within=config),
        use_rep=lookup("use_rep", within=config),
        modality=lookup("modality", within=config),
        features=lookup("features", within=config),
        missing_genes=lookup("missing_genes", within=config),
        reading=lookup("reading", within=config),
        qc=lookup("qc", within=config),
        scale=lookup("scale", within=config),
        code=code("cgmm.pp._lazy", "cgmm._utils.h5ad"),
    message:
        "Join, filter and normalise dataset {wildcards.dataset} (about 10 s per 10,000 cells)"
    script:
        "../scripts/prepare.py"


rule embed:
    input:
        "results/{dataset}/prepared.h5ad",
    output:
        embedding="results/{dataset}/embedding.h5ad",
        facts="results/{dataset}/embedding.json",
    log:
        "logs/embed/{dataset}.log",
    benchmark:
        "logs/benchmarks/embed/{dataset}.tsv"
    priority: 10
    conda:
        "../../envs/cgmm.yaml"
    threads: 1
    resources:
        mem_mb=front_memory(2000, 10),
        runtime=minutes(60, 60),
    params:
        use_rep=lookup("use_rep", within=config),
        n_top_genes=lookup("n_top_genes", within=config),
        n_pcs=lookup("n_pcs", within=config),
        n_dims=lookup("n_dims", within=config),
        integrate=lookup("integrate", within=config),
        modality=lookup("modality", within=config),
        random_state=lookup("fit/random_state", within=config),
        code=code("cgmm.pp._embed", "cgmm.pp._lazy", "cgmm._utils.h5ad"),
    message:
        "Embed dataset {wildcards.dataset}: variable genes, PCA (about 5 s per 10,000 cells)"
    script:
        "../scripts/embed.py"


# no fit needs the map: it is made beside the fits, and after them where cores are few
rule map:
    input:
        embedding="results/{dataset}/embedding.h5ad",
        facts="results/{dataset}/embedding.json",
    output:
        "results/{dataset}/map.h5ad",
    log:
        "logs/map/{dataset}.log",
    benchmark:
        "logs/benchmarks/map/{dataset}.tsv"
    conda:
        "../../envs/cgmm.yaml"
    threads: 1
    resources:
        mem_mb=memory(2000, 10),
        runtime=minutes(60, 60),
    params:
        random_state=lookup("fit/random_state", within=config),
        code=code("cgmm.pp._map", "cgmm._utils.h5ad"),
    message:
        "Place the cells of dataset {wildcards.dataset} on a map, UMAP (about 10 s per 10,000 cells)"
    script:
        "../scripts/map.py"
