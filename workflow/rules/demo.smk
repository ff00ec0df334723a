"""Data of the demo. A rule runs only when the sample sheet names its files."""


rule demo_kang:
    output:
        collect("results/demo/{name}.h5ad", name=["pbmc_ctrl", "pbmc_stim"]),
    log:
        "logs/demo_kang.log",
    benchmark:
        "logs/benchmarks/demo_kang.tsv"
    priority: 100
    conda:
        "../../envs/cgmm.yaml"
    threads: 1
    resources:
        mem_mb=memory(500),
        runtime=minutes(10),
    message:
        "Demo data: copy blood cells (Kang et al. 2018) from the installed wheel (seconds)"
    script:
        "../scripts/demo_kang.py"


rule demo_simulated:
    output:
        "results/demo/simulated.h5ad",
    log:
        "logs/demo_simulated.log",
    benchmark:
        "logs/benchmarks/demo_simulated.tsv"
    priority: 100
    conda:
        "../../envs/cgmm.yaml"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=minutes(10),
    params:
        code=code("cgmm.simulate"),
    message:
        "Demo data: simulate 5 + 5 donors with known truth (about 5 s)"
    script:
        "../scripts/demo_simulated.py"
