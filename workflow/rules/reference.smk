"""Covariances of the datasets, what is drawn from them, and what is picked from the originals."""


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
        "python $FEWTOMANY/covariances/covariance.py --config {params.config}"
        " --dataset {wildcards.dataset}"
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
        "python $FEWTOMANY/covariances/factor.py --config {params.config}"
        " --output {output} {input} &> {log}"


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
        dataset=any_of(
            d.name
            for d in campaign.by_role("reference", "input")
            if not d.sources and not d.texture and d.picked is None
        ),
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
        "python $FEWTOMANY/inputs/draw.py --config {params.config} --dataset {wildcards.dataset}"
        " --start {wildcards.start} --stop {wildcards.stop} --factor {input.factor}"
        " --output {output} &> {log}"


rule draw_isotropic:
    """Maps START to STOP of a naive dataset, isotropic Gaussian fields.

    In: the input maps; map k has the spectra of input map k modulo their number, on a plane or
    a line its power wave by wave. Out: (n_maps, n_components, n_pix), K. Cost: one harmonic
    synthesis per map.
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
        dataset=gaussian("isotropic"),
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
        "python $FEWTOMANY/inputs/draw.py --config {params.config} --dataset {wildcards.dataset}"
        " --start {wildcards.start} --stop {wildcards.stop} --output {output}"
        " --inputs {input} &> {log}"


rule draw_learnt:
    """Maps START to STOP of a Gaussian dataset of the best covariance without emulation.

    In: that covariance in parts, and the input maps, whose mean is added where emulator.mean is
    inputs. Out: (n_maps, n_components, n_pix), K. Cost: Fourier transforms of some thousand rings.
    """
    input:
        symmetry=lambda wildcards: symmetry_of(wildcards.dataset),
        maps=input_maps,
    output:
        "<results>/datasets/{dataset}/maps-{start}-{stop}.h5",
    log:
        "<logs>/draw_learnt/{dataset}/{start}-{stop}.log",
    benchmark:
        "<benchmarks>/draw_learnt/{dataset}/{start}-{stop}.tsv"
    wildcard_constraints:
        dataset=gaussian("learnt"),
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("draw_learnt"),
        runtime=runtime("draw_learnt"),
    params:
        config=CONFIG,
        basis=basis("draw_learnt"),
    shell:
        "python $FEWTOMANY/inputs/draw.py --config {params.config} --dataset {wildcards.dataset}"
        " --start {wildcards.start} --stop {wildcards.stop} --output {output}"
        " --symmetry {input.symmetry} --inputs {input.maps} &> {log}"


rule pick:
    """Maps START to STOP of the reference or of an input dataset, maps of the original one.

    In: the original maps that hold them, T, Q and U. Out: (n_maps, n_components, n_pix) on the
    observed pixels, K. Cost: reading and writing.
    """
    input:
        originals_for,
    output:
        "<results>/datasets/{dataset}/maps-{start}-{stop}.h5",
    log:
        "<logs>/pick/{dataset}/{start}-{stop}.log",
    benchmark:
        "<benchmarks>/pick/{dataset}/{start}-{stop}.tsv"
    wildcard_constraints:
        dataset=any_of(d.name for d in campaign.datasets.values() if d.picked is not None),
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("pick"),
        runtime=runtime("pick"),
    params:
        config=CONFIG,
        basis=basis_of_dataset("pick"),
    shell:
        "python $FEWTOMANY/inputs/pick.py --config {params.config} --dataset {wildcards.dataset}"
        " --start {wildcards.start} --stop {wildcards.stop} --output {output} {input} &> {log}"
