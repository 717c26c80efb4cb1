"""Measurements of every dataset, and their judgement against the truth."""


rule measure_spectra:
    """All auto and cross spectra of the maps of one file.

    In: a map file. Out: (n_maps, n_spectra, 3 nside), K^2, one spectrum per map; on a plane or a
    line bins of wave numbers. Cost: one harmonic analysis per map.
    """
    input:
        "<results>/datasets/{dataset}/maps-{start}-{stop}.h5",
    output:
        "<results>/measurements/{dataset}/spectra-{start}-{stop}.h5",
    log:
        "<logs>/measure_spectra/{dataset}/{start}-{stop}.log",
    benchmark:
        "<benchmarks>/measure_spectra/{dataset}/{start}-{stop}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("measure_spectra"),
        runtime=runtime("measure_spectra"),
    params:
        config=CONFIG,
        basis=basis("measure_spectra"),
    shell:
        "python $FEWTOMANY/measure_spectra.py --config {params.config}"
        " --output {output} {input} &> {log}"


rule measure_scattering:
    """Mean and scatter of the scattering coefficients over the maps of one file.

    In: a map file. Out: the moments of S1 to S4 of all components and pairs, (n_values,) with their
    labels; S2 in uK^2, the others pure numbers. Cost: 1 ms per map at nside 16.
    """
    input:
        "<results>/datasets/{dataset}/maps-{start}-{stop}.h5",
    output:
        "<results>/measurements/{dataset}/scattering-{start}-{stop}.h5",
    log:
        "<logs>/measure_scattering/{dataset}/{start}-{stop}.log",
    benchmark:
        "<benchmarks>/measure_scattering/{dataset}/{start}-{stop}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("measure_scattering"),
        runtime=runtime("measure_scattering"),
    params:
        config=CONFIG,
        basis=basis("measure_scattering"),
    shell:
        "python $FEWTOMANY/measure_scattering.py --config {params.config}"
        " --output {output} {input} &> {log}"


rule measure_minkowski:
    """Mean and scatter of the SO(3) Minkowski functionals over the maps of one file.

    In: a map file, of which the first validation.minkowski_maps maps of a dataset count.
    Out: the moments of V0 to V3, (4, 13), in units of the map's rms. Cost: six harmonic
    transforms per map and channel, 7 ms at nside 16.
    """
    input:
        "<results>/datasets/{dataset}/maps-{start}-{stop}.h5",
    output:
        "<results>/measurements/{dataset}/minkowski-{start}-{stop}.h5",
    log:
        "<logs>/measure_minkowski/{dataset}/{start}-{stop}.log",
    benchmark:
        "<benchmarks>/measure_minkowski/{dataset}/{start}-{stop}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("measure_minkowski"),
        runtime=runtime("measure_minkowski"),
    params:
        config=CONFIG,
        basis=basis("measure_minkowski"),
    shell:
        "python $FEWTOMANY/measure_minkowski.py --config {params.config}"
        " --output {output} {input} &> {log}"


rule measure_distribution:
    """Mean and scatter of the distribution of pixel values over the maps of one file.

    In: a map file and the true covariance, or that of the inputs where no truth is known, of
    which the standard deviation of every pixel is the unit. Out: the moments of the fractions in 100 bins and up to each bin's end,
    (2, n_components, 100). Cost: reading.
    """
    input:
        maps="<results>/datasets/{dataset}/maps-{start}-{stop}.h5",
        truth=lambda wildcards: true_covariance(wildcards.dataset),
    output:
        "<results>/measurements/{dataset}/distribution-{start}-{stop}.h5",
    log:
        "<logs>/measure_distribution/{dataset}/{start}-{stop}.log",
    benchmark:
        "<benchmarks>/measure_distribution/{dataset}/{start}-{stop}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("measure_distribution"),
        runtime=runtime("measure_distribution"),
    params:
        config=CONFIG,
        basis=basis("measure_distribution"),
    shell:
        "python $FEWTOMANY/measure_distribution.py --config {params.config}"
        " --truth {input.truth} --output {output} {input.maps} &> {log}"


rule measure_wavelets:
    """What the emulator's wavelets look like and which multipoles they see.

    Out: their shapes (n_scales, n_orientations, n_pix), complex, and the transfer functions
    of 3x3 and 5x5 kernels (n_scales, 3 nside). Cost: seconds at nside 16.
    """
    output:
        "<results>/validation/wavelets.h5",
    log:
        "<logs>/measure_wavelets.log",
    benchmark:
        "<benchmarks>/measure_wavelets.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("measure_wavelets"),
        runtime=runtime("measure_wavelets"),
    params:
        config=CONFIG,
        basis=basis("measure_wavelets"),
    shell:
        "python $FEWTOMANY/measure_wavelets.py --config {params.config} --output {output} &> {log}"


rule judge:
    """Every comparison of every dataset with the truth, or with its inputs, as numbers.

    In: covariances and measurements of all datasets, maps of the reference if any. Out: the metrics
    (JSON: value, threshold, passed) and the arrays behind the figures. Cost: the leading
    modes of every covariance, minutes at n = 6144.
    """
    input:
        covariances=[covariance_of(name) for name in COVARIANCES],
        spectra=measured("spectra"),
        scattering=measured("scattering"),
        minkowski=measured("minkowski"),
        distribution=measured("distribution"),
        maps=maps_of("reference") if campaign.truth and campaign.reference else [],
        parts=[
            *dict.fromkeys(PARTS.values()),
            *(f"<results>/validation/parts/control-{name}.json" for name in CONTROLLED),
        ],
    output:
        metrics=report(
            "<results>/validation/metrics.json",
            caption="../report/metrics.rst",
            category="Verdict",
            labels={"page": "metrics"},
        ),
        comparison="<results>/validation/comparison.h5",
    log:
        "<logs>/judge.log",
    benchmark:
        "<benchmarks>/judge.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("judge"),
        runtime=runtime("judge"),
    params:
        config=CONFIG,
        basis=basis("judge"),
        covariances=lambda wildcards, input: [f"{Path(f).stem}={f}" for f in input.covariances],
        spectra=lambda wildcards, input: named(input.spectra),
        scattering=lambda wildcards, input: named(input.scattering),
        minkowski=lambda wildcards, input: named(input.minkowski),
        distribution=lambda wildcards, input: named(input.distribution),
        maps=lambda wildcards, input: named(input.maps),
    shell:
        "python $FEWTOMANY/judge.py --config {params.config} --covariance {params.covariances}"
        " --spectra {params.spectra} --scattering {params.scattering}"
        " --minkowski {params.minkowski} --distribution {params.distribution}"
        " --maps {params.maps} --parts {input.parts}"
        " --metrics {output.metrics} --comparison {output.comparison} &> {log}"
