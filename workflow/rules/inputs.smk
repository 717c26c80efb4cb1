"""Maps of the user, brought into the campaign's resolution, frame and unit; invented fields."""


rule survey:
    """The pixels that all of the user's maps have.

    Only where there are several datasets of theirs, or a simulation beside. In: their files.
    Out: the pixels, and their weights. Cost: reading.
    """
    input:
        files=[path for name in SURVEYED for path in files_of_user(name)],
        mask=campaign.maps.mask or [],
    output:
        "<results>/sky.h5",
    log:
        "<logs>/survey.log",
    benchmark:
        "<benchmarks>/survey.tsv"
    priority: 1
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("survey"),
        runtime=runtime("survey"),
    params:
        config=CONFIG,
        basis=basis("survey"),
        sources=json.dumps(
            [campaign.sections.get(key) for key in ("inputs", "reference", "surrogate")],
            sort_keys=True,
        ),
    shell:
        "python $FEWTOMANY/inputs/survey.py --config {params.config} --output {output} &> {log}"


rule import_maps:
    """Maps START to STOP of a dataset of the user.

    In: FITS, HDF5 or npy files. Out: the campaign's Stokes parameters of all channels,
    (n_maps, n_components, n_pix), observed pixels in RING ordering, K, COSMO, at maps.nside in
    maps.frame; on a plane or a line by rows, as they are. Cost: reading, and for another frame or
    resolution means over the area of the new pixels.
    """
    input:
        files=lambda wildcards: files_of_user(wildcards.dataset),
        mask=campaign.maps.mask or [],
        sky=["<results>/sky.h5"] if SURVEYED else [],
    output:
        "<results>/datasets/{dataset}/maps-{start}-{stop}.h5",
    log:
        "<logs>/import_maps/{dataset}/{start}-{stop}.log",
    benchmark:
        "<benchmarks>/import_maps/{dataset}/{start}-{stop}.tsv"
    wildcard_constraints:
        dataset=any_of(d.name for d in campaign.by_role("reference", "input", "given") if d.sources),
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("import_maps"),
        runtime=runtime("import_maps"),
    params:
        config=CONFIG,
        basis=basis_of_dataset("import_maps"),
        sky=lambda wildcards, input: options(sky=input.sky),
    shell:
        "python $FEWTOMANY/inputs/import_maps.py --config {params.config}"
        " --dataset {wildcards.dataset}"
        " --start {wildcards.start} --stop {wildcards.stop} {params.sky}"
        " --output {output} &> {log}"


rule draw_texture:
    """Maps START to STOP of a dataset of an invented field of a plane or a line.

    In: a mask, if any. Out: (n_maps, 1, n_pix), observed pixels, of mean 0 and deviation 1. Cost:
    some Fourier transforms a map.
    """
    input:
        campaign.maps.mask or [],
    output:
        "<results>/datasets/{dataset}/maps-{start}-{stop}.h5",
    log:
        "<logs>/draw_texture/{dataset}/{start}-{stop}.log",
    benchmark:
        "<benchmarks>/draw_texture/{dataset}/{start}-{stop}.tsv"
    wildcard_constraints:
        dataset=any_of(d.name for d in campaign.by_role("reference", "input") if d.texture),
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("draw_texture"),
        runtime=runtime("draw_texture"),
    params:
        config=CONFIG,
        basis=basis_of_dataset("draw_texture"),
    shell:
        "python $FEWTOMANY/inputs/draw_texture.py --config {params.config}"
        " --dataset {wildcards.dataset}"
        " --start {wildcards.start} --stop {wildcards.stop} --output {output} &> {log}"
