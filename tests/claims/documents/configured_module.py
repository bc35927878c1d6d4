from lexigram.http import HTTPClientConfig, ConnectionPoolConfig

config = HTTPClientConfig(
    pool=ConnectionPoolConfig(
        max_connections=50,
        timeout=10.0,
    ),
    trust_env=True,
)

app.add_module(HTTPModule.configure(config=config))
