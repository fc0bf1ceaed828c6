from core import Secret, Upstream

weather = Upstream("weather", base_url="https://weather.example.com/v1")
again = Upstream("weather", base_url="https://other.example.com")
ftp = Upstream("ftp", base_url="ftp://files.example.com")
password = Upstream("password", base_url="https://user:geheim@example.com")
query = Upstream("query", base_url="https://example.com/?key=1")
network = Upstream("network", allow_networks=["10.0.0.0/8", "10.0.0.1/8"])
header = Upstream("header", base_url="https://example.com", headers={"X-Key": Secret("a\r\nb")})
host = Upstream("host", base_url="https://example.com", headers={"Host": "other"})
number = Upstream("number", base_url="https://example.com", timeout_s=0, retries=-1, concurrency="many")
