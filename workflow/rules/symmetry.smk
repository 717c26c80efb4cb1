"""The best covariance that the inputs give without emulation."""


rule learn_symmetry:
    """Weights of inputs, turned inputs, independent pixels and isotropic maps.

    In: the input maps (of a fold, those that are not held out), K, and the surrogate if any. Out: a covariance in parts,
    and smoothed deviations (n_components, n_pix), K. Cost: seconds for 10 maps of nside 16,
    a minute for 100.
    """
    input:
        maps=lambda wildcards: maps_of(campaign.find(wildcards.dataset).input or wildcards.dataset),
        surrogate=["<results>/surrogate/rows.h5"] if campaign.surrogate else [],
    output:
        "<results>/symmetry/{dataset}.h5",
    log:
        "<logs>/learn_symmetry/{dataset}.log",
    benchmark:
        "<benchmarks>/learn_symmetry/{dataset}.tsv"
    wildcard_constraints:
        dataset=any_of(d.name for d in campaign.by_role("input", "fold")),
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("learn_symmetry"),
        runtime=runtime("learn_symmetry"),
    params:
        config=CONFIG,
        basis=basis_of_dataset("learn_symmetry"),
        surrogate=lambda wildcards, input: (
            f"--surrogate {input.surrogate}" if input.surrogate else ""
        ),
    shell:
        "python $FEWTOMANY/covariances/learn_symmetry.py --config {params.config}"
        " --dataset {wildcards.dataset} --output {output} {params.surrogate}"
        " {input.maps} &> {log}"
