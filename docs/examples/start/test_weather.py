"""The same class, without a network."""

from weather import Weather

from lexigram.testing import FakeHTTPClient

URL = "https://weather.test"


async def test_the_temperature_of_a_city(fake_http: FakeHTTPClient) -> None:
    fake_http.on.get(f"{URL}/now?city=Lisbon").respond(json={"celsius": 21.5})

    result = await Weather(fake_http, URL).temperature("Lisbon")

    assert result.unwrap() == 21.5


async def test_no_weather_is_no_exception(fake_http: FakeHTTPClient) -> None:
    fake_http.on.get(f"{URL}/now?city=Atlantis").respond(404)

    result = await Weather(fake_http, URL).temperature("Atlantis")

    assert result.unwrap_err() == "no weather: HTTPStatusError"
