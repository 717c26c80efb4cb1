"""Measurements of every dataset, and their judgement against the truth."""

for number, (measured_here, starts) in enumerate(measured_together(campaign).items()):

    # All statistics of the maps of one file: of its first files, and of those with fewer.
    #
    # In: a map file, of which the first maps of a dataset count where the statistic is one of few,
    # and the covariance that is the unit of some. Out: (n_maps, n_spectra, 3 nside), K^2, one
    # spectrum per map, on a plane or a line bins of wave numbers; of the others moments, as its
    # module in validation/measure says. What is there and follows from the same is kept. Cost: of
    # spectra one harmonic analysis per map, of scattering coefficients 1 ms per map at nside 16,
    # of Minkowski functionals 7 ms, of the distribution that of reading.
    rule:
        name:
            "measure_later" if number else "measure"
        input:
            maps="<results>/datasets/{dataset}/maps-{start}-{stop}.h5",
            truth=unit_of(measured_here),
        output:
            [
                update(f"<results>/measurements/{{dataset}}/{name}-{{start}}-{{stop}}.h5")
                for name in measured_here
            ],
        log:
            "<logs>/measure/{dataset}/{start}-{stop}.log",
        benchmark:
            "<benchmarks>/measure/{dataset}/{start}-{stop}.tsv"
        wildcard_constraints:
            start=any_of(f"{start:07d}" for start in starts),
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            mem_mb=memory("measure"),
            runtime=runtime("measure"),
        params:
            config=CONFIG,
            basis=[basis(f"measure_{name}") for name in measured_here],
            statistics=measured_here,
            truth=lambda wildcards, input: options(truth=input.truth and [input.truth]),
        shell:
            "python $FEWTOMANY/measurements/measure.py --config {params.config}"
            " {input.maps} --statistic {params.statistics}"
            " {params.truth} --output {output} &> {log}"


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
