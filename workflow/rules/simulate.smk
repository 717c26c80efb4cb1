"""Time-ordered data of the systematics to maps of the original dataset."""

SKY_MAP = campaign.simulation.signal.sky_map or []

if campaign.simulation.engine == "response":

    rule simulate_response:
        """One shard of the pass over the TOD: chunks START to STOP.

        In: the sky map, if the signal has one. Out: for each chunk the normal matrices of
        the pixels it hits and, per linear systematic and detector, the binned TOD of a unit
        amplitude (HDF5, K, float64).
        Cost: proportional to the samples; about a minute per 1e8 on one core.
        """
        input:
            sky_map=SKY_MAP,
        output:
            "<results>/simulation/response/chunks-{start}-{stop}.h5",
        log:
            "<logs>/simulate_response/{start}-{stop}.log",
        benchmark:
            "<benchmarks>/simulate_response/{start}-{stop}.tsv"
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            mem_mb=memory("simulate_response"),
            mem_mb_per_cpu=memory("simulate_response"),
            runtime=runtime("simulate_response"),
        params:
            config=CONFIG,
            basis=basis("simulate_response"),
            launcher=launcher,
            ranks=ranks,
        shell:
            "{params.launcher} python $FEWTOMANY/simulate_response.py {params.ranks}"
            " --config {params.config}"
            " --start {wildcards.start} --stop {wildcards.stop} --output {output} &> {log}"

    rule merge_response:
        """The response: the map of a unit amplitude in every chunk of every detector.

        In: all shards of the pass. Out: (n_chunks * n_systematics * n_detectors, 3, n_pix),
        T, Q and U at maps.nside, K per unit amplitude, float64. Cost: the size of that array.
        """
        input:
            [
                f"<results>/simulation/response/chunks-{shard.label}.h5"
                for shard in campaign.chunk_shards
            ],
        output:
            "<results>/simulation/response.h5",
        log:
            "<logs>/merge_response.log",
        benchmark:
            "<benchmarks>/merge_response.tsv"
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            mem_mb=memory("merge_response"),
            runtime=runtime("merge_response"),
        params:
            config=CONFIG,
            basis=basis("merge_response"),
        shell:
            "python $FEWTOMANY/merge_response.py --config {params.config}"
            " --output {output} {input} &> {log}"

    rule simulate_maps:
        """Maps START to STOP of the original dataset, from the response.

        In: the response. Out: (n_maps, 3, n_pix), T, Q and U at maps.nside, K.
        Cost: one matrix product; seconds per thousand maps.
        """
        input:
            response="<results>/simulation/response.h5",
        output:
            "<results>/datasets/original/maps-{start}-{stop}.h5",
        log:
            "<logs>/simulate_maps/{start}-{stop}.log",
        benchmark:
            "<benchmarks>/simulate_maps/{start}-{stop}.tsv"
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            mem_mb=memory("simulate_maps"),
            runtime=runtime("simulate_maps"),
        params:
            config=CONFIG,
            basis=basis("simulate_maps"),
        shell:
            "python $FEWTOMANY/simulate_maps.py --config {params.config}"
            " --start {wildcards.start} --stop {wildcards.stop}"
            " --response {input.response} --output {output} &> {log}"

    rule exact_covariance:
        """The exact covariance of the original dataset, sigma^2 A^T M M^T A.

        In: the response A. Out: mean (zero) and covariance (n, n), all Q pixels before all
        U pixels, K^2, float64. Cost: one matrix product.
        """
        input:
            response="<results>/simulation/response.h5",
        output:
            "<results>/covariances/exact.h5",
        log:
            "<logs>/exact_covariance.log",
        benchmark:
            "<benchmarks>/exact_covariance.tsv"
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            mem_mb=memory("exact_covariance"),
            runtime=runtime("exact_covariance"),
        params:
            config=CONFIG,
            basis=basis("exact_covariance"),
        shell:
            "python $FEWTOMANY/exact_covariance.py --config {params.config}"
            " --response {input.response} --output {output} &> {log}"

else:

    rule simulate_maps_directly:
        """Maps START to STOP of the original dataset, each by its own TOD.

        In: the sky map, if the signal has one. Out: (n_maps, 3, n_pix), T, Q and U at
        maps.nside, K. Cost: the samples of every map; pointings and ideal signal once for a group of
        maps.
        """
        input:
            sky_map=SKY_MAP,
        output:
            "<results>/datasets/original/maps-{start}-{stop}.h5",
        log:
            "<logs>/simulate_maps_directly/{start}-{stop}.log",
        benchmark:
            "<benchmarks>/simulate_maps_directly/{start}-{stop}.tsv"
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            mem_mb=memory("simulate_maps_directly"),
            runtime=runtime("simulate_maps_directly"),
        params:
            config=CONFIG,
            basis=basis("simulate_maps_directly"),
        shell:
            "python $FEWTOMANY/simulate_maps.py --config {params.config}"
            " --start {wildcards.start} --stop {wildcards.stop} --output {output} &> {log}"
