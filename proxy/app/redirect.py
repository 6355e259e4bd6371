"""Plain http where TLS is on: everything moves to https."""

from collections.abc import Callable

from aiohttp import web

from proxy.services.sites import Sites


def to_https(sites: Callable[[], Sites]) -> web.Application:
    """An application that answers 308 (RFC 9110 section 15.4.9) to the same address of a host it knows."""

    async def moved(request: web.Request) -> web.Response:
        site = sites().find(request.headers.get("Host", "").encode("utf-8", "surrogateescape"))
        if site is None or not request.raw_path.startswith("/"):
            response = web.Response(status=404, text="No such host.\n")
        else:
            response = web.Response(status=308, headers={"Location": site.origin + request.raw_path})
        response.force_close()  # the next request is for another port
        return response

    app = web.Application()
    app.router.add_route("*", "/{anything:.*}", moved)
    return app
