"""Figures, each from numbers that are already there, and the report."""

WAVELETS = ["wavelets", "transfer"]


rule plot_maps:
    """Maps of every dataset side by side, all components; of a line as traces.

    On the sphere also the best emulation beside its inputs, for the first screen of the report.
    In: the comparison, the metrics that say which is best, and the first maps of every dataset
    (K). Out: PNG and PDF.
    """
    input:
        comparison="<results>/validation/comparison.h5",
        metrics="<results>/validation/metrics.json" if GLANCE else [],
        maps=[path for dataset in campaign.datasets for path in maps_of(dataset, MOST_SHOWN)],
    output:
        glance=GLANCE,
        png=report(
            "<results>/figures/maps.png",
            caption="../report/maps.rst",
            category="Datasets",
            labels={"figure": "maps"},
        ),
        pdf="<results>/figures/maps.pdf",
    log:
        "<logs>/plot_maps.log",
    benchmark:
        "<benchmarks>/plot_maps.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("plot"),
        runtime=runtime("plot"),
    params:
        config=CONFIG,
        basis=basis("plot"),
        maps=lambda wildcards, input: named(input.maps),
        glance=lambda wildcards, input, output: options(
            glance=output.glance, metrics=input.metrics and [input.metrics]
        ),
    shell:
        "python $FEWTOMANY/report/plot_maps.py --config {params.config}"
        " --comparison {input.comparison} --maps {params.maps} {params.glance}"
        " --output {output.png} &> {log}"


rule plot_comparison:
    """All figures of the comparison: spectra, correlations, eigenvalues, chi2 and the like.

    In: the comparison. Out: PNG and PDF of each (uK, uK^2 or dimensionless, as its axes say).
    """
    input:
        comparison="<results>/validation/comparison.h5",
    output:
        png=[drawn(figure, "Comparison") for figure in products.compared],
        pdf=[f"<results>/figures/{figure}.pdf" for figure in products.compared],
    log:
        "<logs>/plot_comparison.log",
    benchmark:
        "<benchmarks>/plot_comparison.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("plot"),
        runtime=runtime("plot"),
    params:
        config=CONFIG,
        basis=basis("plot"),
        figures=products.compared,
    shell:
        "python $FEWTOMANY/report/plot_comparison.py --config {params.config}"
        " --figure {params.figures}"
        " --comparison {input.comparison} --output {output.png} &> {log}"


rule plot_wavelets:
    """The wavelets on the sphere, and their transfer functions.

    In: shapes and transfer functions. Out: PNG and PDF of each.
    """
    input:
        "<results>/validation/wavelets.h5",
    output:
        png=[drawn(figure, "Emulator") for figure in WAVELETS],
        pdf=[f"<results>/figures/{figure}.pdf" for figure in WAVELETS],
    log:
        "<logs>/plot_wavelets.log",
    benchmark:
        "<benchmarks>/plot_wavelets.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("plot"),
        runtime=runtime("plot"),
    params:
        config=CONFIG,
        basis=basis("plot"),
        figures=WAVELETS,
    shell:
        "python $FEWTOMANY/report/plot_wavelets.py --config {params.config}"
        " --figure {params.figures}"
        " --wavelets {input} --output {output.png} &> {log}"


rule plot_cost:
    """Cost of emulation against resolution, beside the paper's Table 1.

    In: nothing of the campaign; the benchmark that is kept beside the figure's code. Out:
    PNG and PDF.
    """
    output:
        png=report(
            "<results>/figures/cost.png",
            caption="../report/cost.rst",
            category="Emulator",
            labels={"figure": "cost"},
        ),
        pdf="<results>/figures/cost.pdf",
    log:
        "<logs>/plot_cost.log",
    benchmark:
        "<benchmarks>/plot_cost.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("plot"),
        runtime=runtime("plot"),
    params:
        config=CONFIG,
        basis=basis("plot"),
    shell:
        "python $FEWTOMANY/report/plot_cost.py --config {params.config}"
        " --output {output.png} &> {log}"


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
        figures=[f"<results>/figures/{name}.png" for name in [*FIGURES, *PARTS]],
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
