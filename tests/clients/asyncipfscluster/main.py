"""The Python package asyncipfscluster against the REST API of one peer, or of a cluster of three."""
import asyncio
import json
import os
import pathlib
import sys
import tempfile
import urllib.error
import urllib.request

from asyncipfscluster import IPFSClient
from asyncipfscluster.exceptions import InvalidCIDException, IPFSException

setting = json.loads(sys.argv[1])
url = setting["api"]["href"]


def allocation(cid):
    """The pin, or None; the client itself cannot read one."""
    try:
        with urllib.request.urlopen(f"{url}/allocations/{cid}") as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        assert error.code == 404, error
        return None


async def refused(kind, call):
    try:
        await call
    except kind:
        return
    raise AssertionError("not refused")


async def main():
    async with IPFSClient(url) as client:
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "a file"
            path.write_bytes(os.urandom(600_000))
            cid = await client.add_file(str(path), "text/plain", filename="ä.txt", name="from a file")
            assert cid.startswith("Qm") and allocation(cid)["name"] == "from a file", cid
        again = await client.add_bytes(b"Hello from a test", "text/plain", name="bytes")
        assert again == await client.add_bytes(b"Hello from a test", "text/plain", filename="other")
        assert allocation(again)["cid"] == again
        print("ok add")
        await client.remove(cid)
        await client.remove(cid)  # the client takes 404 for success
        assert allocation(cid) is None and allocation(again)
        await client.remove(again)
        await refused(InvalidCIDException, client.remove("nonsense"))
        await refused(IPFSException, client.remove("x" * 46))
        print("ok remove")
    print("all passed")


asyncio.run(main())
