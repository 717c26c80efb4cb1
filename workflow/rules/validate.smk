"""Measurements of every dataset, and their judgement against the reference."""


rule measure_spectra:
    """EE, BB and EB spectra of the maps of one file.

    In: a map file. Out: (n_maps, 3, 3 nside), K^2, one spectrum per map. Cost: one harmonic
    analysis per map.
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
        "python scripts/measure_spectra.py --config {params.config}"
        " --output {output} {input} &> {log}"


rule judge:
    """Every comparison of every dataset with the reference, as numbers.

    In: covariances and spectra of all datasets, maps of the reference. Out: the metrics
    (JSON: value, threshold, passed) and the arrays behind the figures. Cost: the leading
    modes of every covariance, minutes at n = 6144.
    """
    input:
        covariances=[covariance_of(name) for name in COVARIANCES],
        spectra=[path for dataset in campaign.datasets for path in spectra_of(dataset)],
        maps=maps_of("reference"),
    output:
        metrics="<results>/validation/metrics.json",
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
        maps=lambda wildcards, input: named(input.maps),
    shell:
        "python scripts/judge.py --config {params.config} --covariance {params.covariances}"
        " --spectra {params.spectra} --maps {params.maps}"
        " --metrics {output.metrics} --comparison {output.comparison} &> {log}"
