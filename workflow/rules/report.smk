"""Figures, from numbers that are already there, and the report."""


rule plot:
    """All figures: of datasets, comparison, parts of the judgement and the emulator.

    On the sphere also the best emulation beside its inputs, for the first screen of the report.
    In: the comparison, the metrics that say which is best, the first maps of every dataset (K),
    parts of the judgement, and the wavelets' shapes and transfer functions. Out: PNG and PDF of
    each (uK, uK^2, nats, numbers of maps or dimensionless, as its axes say). One that is there and
    was drawn from the same numbers is kept.
    """
    input:
        comparison="<results>/validation/comparison.h5",
        metrics="<results>/validation/metrics.json" if GLANCE else [],
        maps=[path for dataset in campaign.datasets for path in maps_of(dataset, MOST_SHOWN)],
        wavelets="<results>/validation/wavelets.h5" if products.emulator else [],
        parts=list(dict.fromkeys(PARTS.values())),
    output:
        png=[drawn(figure) for figure in FIGURES],
        glance=[update(path) for path in GLANCE],
        pdf=[
            update(str(Path(path).with_suffix(".pdf")))
            for path in [*(f"<results>/figures/{figure}.png" for figure in FIGURES), *GLANCE]
        ],
    log:
        "<logs>/plot.log",
    benchmark:
        "<benchmarks>/plot.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("plot"),
        runtime=runtime("plot"),
    params:
        config=CONFIG,
        basis=basis("plot"),
        figures=[*FIGURES, *(Path(path).stem for path in GLANCE)],
        maps=lambda wildcards, input: named(input.maps),
        parts=lambda wildcards, input: by_figure(input.parts),
        more=lambda wildcards, input: options(
            **{name: [input[name]] for name in ("metrics", "wavelets") if input[name]}
        ),
    shell:
        "python $FEWTOMANY/report/plot.py --config {params.config} --figure {params.figures}"
        " --output {output.png} {output.glance} --comparison {input.comparison}"
        " --maps {params.maps} --parts {params.parts} {params.more} &> {log}"


rule report:
    """One self-contained HTML page: the answer, figures, metrics, configuration and cost.

    In: the metrics, the recommended covariances and what held-out inputs say of them, the
    figures, and the benchmarks that are there by then. Out: HTML.
    """
    input:
        metrics="<results>/validation/metrics.json",
        recommended=recommended(),
        trust=[part for part in PARTS.values() if Path(part).name.startswith("trust-")],
        glance=GLANCE,
        figures=[f"<results>/figures/{name}.png" for name in FIGURES],
    output:
        report(
            "<results>/report.html",
            caption="../report/verdict.rst",
            category="Verdict",
            labels={"page": "report"},
        ),
    log:
        "<logs>/report.log",
    benchmark:
        "<benchmarks>/report.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("report"),
        runtime=runtime("report"),
    params:
        config=CONFIG,
        basis=basis("report"),
        campaign=json.dumps(campaign.sections, sort_keys=True),
        benchmarks=f"benchmarks/{campaign.name}",
        answer=lambda wildcards, input: options(
            recommended=input.recommended, trust=input.trust, glance=input.glance
        ),
    shell:
        "python $FEWTOMANY/report/report.py --config {params.config} --metrics {input.metrics}"
        " {params.answer} --figures {input.figures} --benchmarks {params.benchmarks} --output {output} &> {log}"


rule export_fits:
    """One FITS file per map of a map file, as healpy reads them; of a plane or a line NumPy.

    In: a map file. Out: a folder of {dataset}-{index}.fits (K_CMB, RING, COSMO, in maps.frame),
    or {dataset}-{start}.npy (n_maps, n_components, rows, columns).
    """
    input:
        "<results>/datasets/{dataset}/maps-{start}-{stop}.h5",
    output:
        directory("<results>/fits/{dataset}/{start}-{stop}"),
    log:
        "<logs>/export_fits/{dataset}/{start}-{stop}.log",
    benchmark:
        "<benchmarks>/export_fits/{dataset}/{start}-{stop}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("export_fits"),
        runtime=runtime("export_fits"),
    params:
        config=CONFIG,
        basis=basis("export_fits"),
    shell:
        "python $FEWTOMANY/export_fits.py --config {params.config} --output {output}"
        " {input} &> {log}"
