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
        "python $FEWTOMANY/measurements/measure_spectra.py --config {params.config}"
        " --output {output} {input} &> {log}"


for statistic, found in STATISTICS.items():

    # Mean and scatter of a statistic over the maps of one file.
    #
    # In: a map file, of which the first maps of a dataset count where the statistic is one of few,
    # and the covariance that is its unit, if it has one. Out: its moments, as its module in
    # validation/measure says. Cost: of scattering coefficients 1 ms per map at nside 16, of
    # Minkowski functionals 7 ms, of the distribution that of reading.
    rule:
        name:
            f"measure_{statistic}"
        input:
            maps="<results>/datasets/{dataset}/maps-{start}-{stop}.h5",
            truth=unit_of(found),
        output:
            f"<results>/measurements/{{dataset}}/{statistic}-{{start}}-{{stop}}.h5",
        log:
            f"<logs>/measure_{statistic}/{{dataset}}/{{start}}-{{stop}}.log",
        benchmark:
            f"<benchmarks>/measure_{statistic}/{{dataset}}/{{start}}-{{stop}}.tsv"
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            mem_mb=memory(f"measure_{statistic}"),
            runtime=runtime(f"measure_{statistic}"),
        params:
            config=CONFIG,
            basis=basis(f"measure_{statistic}"),
            statistic=statistic,
            truth=lambda wildcards, input: options(truth=input.truth and [input.truth]),
        shell:
            "python $FEWTOMANY/measurements/measure.py --config {params.config}"
            " --statistic {params.statistic}"
            " {params.truth} --output {output} {input.maps} &> {log}"


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
        "python $FEWTOMANY/measurements/measure_wavelets.py --config {params.config}"
        " --output {output} &> {log}"


rule judge:
    """Every comparison of every dataset with the truth, or with its inputs, as numbers.

    In: covariances and measurements of all datasets, maps of the reference if any. Out: the metrics
    (JSON: value, threshold, passed) and the arrays behind the figures. Cost: the leading
    modes of every covariance, minutes at n = 6144.
    """
    input:
        covariances=[covariance_of(name) for name in COVARIANCES],
        measured=[path for name in products.measured for path in measured(name)],
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
        measured=lambda wildcards, input: by_statistic(input.measured),
        maps=lambda wildcards, input: named(input.maps),
    shell:
        "python $FEWTOMANY/validation/judge.py --config {params.config}"
        " --covariance {params.covariances}"
        " {params.measured} --maps {params.maps} --parts {input.parts}"
        " --metrics {output.metrics} --comparison {output.comparison} &> {log}"
