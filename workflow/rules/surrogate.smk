"""A cheap stand-in of the same scan, as one more part of the best covariance."""

ingredients = {
    "covariance": [campaign.surrogate.covariance] if campaign.surrogate.covariance else [],
    "response": ["<results>/surrogate/response.h5"] if campaign.simplified else [],
    "files": ingest.find(campaign.surrogate.source.files) if campaign.surrogate.source else [],
}


rule prepare_surrogate:
    """Correlations of the surrogate, on the pixels of the inputs.

    In: a response, a covariance or maps of the user. Out: leading rows (n_rows, n_components,
    n_pix), float32, and what they leave of each pixel's variance; in units of the surrogate's
    deviations (n_components, n_pix), K. Cost: seconds for a thousand columns of nside 16; of
    more, their leading modes.
    """
    input:
        **ingredients,
        like=maps_of(campaign.by_role("input")[0].name)[0],
        mask=campaign.maps.mask or [],
    output:
        "<results>/surrogate/rows.h5",
    log:
        "<logs>/prepare_surrogate.log",
    benchmark:
        "<benchmarks>/prepare_surrogate.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("prepare_surrogate"),
        runtime=runtime("prepare_surrogate"),
    params:
        config=CONFIG,
        basis=basis("prepare_surrogate"),
        response=lambda wildcards, input: f"--response {input.response}" if input.response else "",
    shell:
        "python $FEWTOMANY/covariances/prepare_surrogate.py --config {params.config}"
        " {params.response}"
        " --like {input.like} --output {output} &> {log}"


rule control:
    """Mean map and mean spectra of inputs, with the surrogate as control variate.

    Only where each input has a realization of the surrogate of the same random numbers. In:
    the input maps (K), and the response of the surrogate. Out: means, standard errors and
    slopes of maps (n_components, n_pix), K, and spectra (n_spectra, n_multipoles), K^2, without
    and with control; JSON with metrics. Cost: the spectra of a thousand cheap maps.
    """
    input:
        maps=lambda wildcards: maps_of(wildcards.dataset),
        response="<results>/surrogate/response.h5",
    output:
        means="<results>/control/{dataset}.h5",
        part="<results>/validation/parts/control-{dataset}.json",
    log:
        "<logs>/control/{dataset}.log",
    benchmark:
        "<benchmarks>/control/{dataset}.tsv"
    wildcard_constraints:
        dataset=any_of(CONTROLLED),
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("control"),
        runtime=runtime("control"),
    params:
        config=CONFIG,
        basis=basis_of_dataset("control"),
    shell:
        "python $FEWTOMANY/covariances/control.py --config {params.config}"
        " --dataset {wildcards.dataset}"
        " --response {input.response} --output {output.means} --part {output.part}"
        " {input.maps} &> {log}"
