"""What a covariance is worth: distances from the truth, baselines, equivalent numbers."""


rule recommend:
    """The best covariance without emulation and the emulated one, mixed.

    In: what was learnt from the inputs, and the emulated maps (K); of the folds, if any, the
    same and the inputs they did not see, which weigh the two. Out: (n, n), K^2, or modes and a
    diagonal. Cost: two covariances in memory, a minute.
    """
    input:
        symmetry=lambda wildcards: symmetry_of(wildcards.dataset),
        emulated=lambda wildcards: maps_of(wildcards.dataset),
        inputs=lambda wildcards: (
            input_maps(wildcards) if campaign.folds_of(wildcards.dataset) else []
        ),
        folds=fold_maps,
        learnt=fold_symmetries,
    output:
        "<results>/recommended/{dataset}.h5",
    log:
        "<logs>/recommend/{dataset}.log",
    benchmark:
        "<benchmarks>/recommend/{dataset}.tsv"
    wildcard_constraints:
        dataset=one_of("emulated"),
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("recommend"),
        runtime=runtime("recommend"),
    params:
        config=CONFIG,
        basis=basis("recommend"),
        folds=lambda wildcards, input: options(
            inputs=input.inputs, folds=named(input.folds), learnt=stems(input.learnt)
        ),
    shell:
        "python $FEWTOMANY/covariances/recommend.py --config {params.config}"
        " --dataset {wildcards.dataset}"
        " --symmetry {input.symmetry} --emulated {input.emulated} {params.folds}"
        " --output {output} &> {log}"


rule compare:
    """Distances of every covariance and of every baseline from the truth.

    Only where a truth is known. In: the true covariance, the maps of all datasets (K), the
    best covariances without emulation and the recommended ones. Out: JSON with metrics, and
    the numbers of the figures (nats, relative errors, numbers of maps). Cost: the leading
    modes of the truth and covariances of a tenth of the pixels, minutes at n = 6144.
    """
    input:
        truth=true_covariance(),
        learnt=[symmetry_of(dataset.name)[0] for dataset in campaign.by_role("input")],
        recommended=recommended(),
        maps=[path for dataset in campaign.datasets for path in maps_of(dataset)],
    output:
        "<results>/validation/parts/compare.json",
    log:
        "<logs>/compare.log",
    benchmark:
        "<benchmarks>/compare.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("compare"),
        runtime=runtime("compare"),
    params:
        config=CONFIG,
        basis=basis("compare"),
        maps=lambda wildcards, input: named(input.maps),
        learnt=lambda wildcards, input: stems(input.learnt),
        recommended=lambda wildcards, input: stems(input.recommended),
    shell:
        "python $FEWTOMANY/validation/compare.py --config {params.config} --truth {input.truth}"
        " --maps {params.maps} --learnt {params.learnt}"
        " --recommended {params.recommended} --output {output} &> {log}"


rule parameter:
    """What covariances of the systematic do to r and to the reionization bump.

    Only of Q and U, where a truth is known. In: the inputs (K), and covariances (K^2). Out: JSON
    with metrics and the numbers of the figure. Cost: seconds in large-scale combinations.
    """
    input:
        inputs=input_maps,
        symmetry=lambda wildcards: symmetry_of(wildcards.dataset),
        emulated=lambda wildcards: covariance_of(wildcards.dataset),
        recommended="<results>/recommended/{dataset}.h5",
        truth=true_covariance(),
    output:
        "<results>/validation/parts/parameter-{dataset}.json",
    log:
        "<logs>/parameter/{dataset}.log",
    benchmark:
        "<benchmarks>/parameter/{dataset}.tsv"
    wildcard_constraints:
        dataset=one_of("emulated"),
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("parameter"),
        runtime=runtime("parameter"),
    params:
        config=CONFIG,
        basis=basis("parameter"),
    shell:
        "python $FEWTOMANY/validation/parameter.py --config {params.config}"
        " --dataset {wildcards.dataset}"
        " --inputs {input.inputs} --symmetry {input.symmetry} --emulated {input.emulated}"
        " --recommended {input.recommended} --truth {input.truth} --output {output} &> {log}"


rule trust:
    """Cross-validation of an emulated dataset with held-out inputs.

    In: the inputs, and the maps emulated from every fold (K); the true covariance if any, only
    to say whether the verdict agrees. Out: JSON with metrics and the numbers of the figure.
    Cost: the folds' emulations, made before; here some matrices.
    """
    input:
        inputs=input_maps,
        folds=fold_maps,
        learnt=fold_symmetries,
        truth=true_covariance(),
    output:
        "<results>/validation/parts/trust-{dataset}.json",
    log:
        "<logs>/trust/{dataset}.log",
    benchmark:
        "<benchmarks>/trust/{dataset}.tsv"
    wildcard_constraints:
        dataset=any_of(campaign.trust.datasets),
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("trust"),
        runtime=runtime("trust"),
    params:
        config=CONFIG,
        basis=basis("trust"),
        folds=lambda wildcards, input: named(input.folds),
        learnt=lambda wildcards, input: stems(input.learnt),
        truth=lambda wildcards, input: f"--truth {input.truth}" if input.truth else "",
    shell:
        "python $FEWTOMANY/validation/trust.py --config {params.config}"
        " --dataset {wildcards.dataset}"
        " --inputs {input.inputs} --folds {params.folds} --learnt {params.learnt}"
        " {params.truth}"
        " --output {output} &> {log}"


rule diversity:
    """Nearest neighbours, variance within batches and effective number of emulated maps.

    In: maps (K) of the emulated datasets, the inputs and the reference if any, and all spectra
    (K^2). Out: JSON with metrics and the numbers of the figure. Cost: products of
    some thousand maps with each other, and the scattering coefficients of each.
    """
    input:
        maps=[
            path
            for dataset in campaign.by_role("reference", "input", "emulated")
            for path in maps_of(dataset.name)
        ],
        # whose job touches them where another statistic has changed
        spectra=ancient(measured("spectra")),
    output:
        "<results>/validation/parts/diversity.json",
    log:
        "<logs>/diversity.log",
    benchmark:
        "<benchmarks>/diversity.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("diversity"),
        runtime=runtime("diversity"),
    params:
        config=CONFIG,
        basis=[basis("diversity"), basis("measure_spectra")],
        maps=lambda wildcards, input: named(input.maps),
        spectra=lambda wildcards, input: named(input.spectra),
    shell:
        "python $FEWTOMANY/validation/diversity.py --config {params.config} --maps {params.maps}"
        " --spectra {params.spectra} --output {output} &> {log}"
