"""Covariances of the datasets, and what is drawn from the reference covariance."""


rule covariance:
    """Sample mean and covariance of a dataset.

    In: all its map files, read one at a time. Out: mean (n,) and covariance (n, n), all Q
    pixels before all U pixels, K and K^2, float64. Cost: n_maps n^2 operations.
    """
    input:
        lambda wildcards: maps_of(wildcards.dataset),
    output:
        "<results>/covariances/{dataset}.h5",
    log:
        "<logs>/covariance/{dataset}.log",
    benchmark:
        "<benchmarks>/covariance/{dataset}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("covariance"),
        runtime=runtime("covariance"),
    params:
        config=CONFIG,
        basis=basis("covariance"),
    shell:
        "python $FEWTOMANY/covariance.py --config {params.config} --dataset {wildcards.dataset}"
        " --output {output} {input} &> {log}"


rule factor:
    """Eigenvalues and symmetric square root of the reference covariance.

    In: the empirical covariance of the original dataset or the exact one, as
    reference.covariance says. Out: eigenvalues (n,), descending, K^2, and root (n, n), K.
    Cost: about 10 n^3 operations, a minute or two at n = 6144.
    """
    input:
        covariance_of(campaign.drawn_from) if campaign.drawn_from else [],
    output:
        "<results>/reference/factor.h5",
    log:
        "<logs>/factor.log",
    benchmark:
        "<benchmarks>/factor.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("factor"),
        runtime=runtime("factor"),
    params:
        config=CONFIG,
        basis=basis("factor"),
    shell:
        "python $FEWTOMANY/factor.py --config {params.config} --output {output} {input} &> {log}"


rule draw:
    """Maps START to STOP of the reference dataset or of an input dataset.

    In: the factor of the reference covariance. Out: Gaussian maps (n_maps, 2, n_pix), Q and
    U, K. Cost: one matrix product.
    """
    input:
        factor="<results>/reference/factor.h5",
    output:
        "<results>/datasets/{dataset}/maps-{start}-{stop}.h5",
    log:
        "<logs>/draw/{dataset}/{start}-{stop}.log",
    benchmark:
        "<benchmarks>/draw/{dataset}/{start}-{stop}.tsv"
    wildcard_constraints:
        dataset=any_of(d.name for d in campaign.by_role("reference", "input") if not d.sources),
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("draw"),
        runtime=runtime("draw"),
    params:
        config=CONFIG,
        basis=basis("draw"),
    shell:
        "python $FEWTOMANY/draw.py --config {params.config} --dataset {wildcards.dataset}"
        " --start {wildcards.start} --stop {wildcards.stop} --factor {input.factor}"
        " --output {output} &> {log}"


rule draw_isotropic:
    """Maps START to STOP of a naive dataset, isotropic Gaussian fields.

    In: the input maps; map k has the spectra of input map k modulo their number. Out:
    (n_maps, 2, n_pix), Q and U, K. Cost: one harmonic synthesis per map.
    """
    input:
        input_maps,
    output:
        "<results>/datasets/{dataset}/maps-{start}-{stop}.h5",
    log:
        "<logs>/draw_isotropic/{dataset}/{start}-{stop}.log",
    benchmark:
        "<benchmarks>/draw_isotropic/{dataset}/{start}-{stop}.tsv"
    wildcard_constraints:
        dataset=one_of("gaussian"),
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("draw_isotropic"),
        runtime=runtime("draw_isotropic"),
    params:
        config=CONFIG,
        basis=basis("draw_isotropic"),
    shell:
        "python $FEWTOMANY/draw.py --config {params.config} --dataset {wildcards.dataset}"
        " --start {wildcards.start} --stop {wildcards.stop} --output {output}"
        " --inputs {input} &> {log}"
