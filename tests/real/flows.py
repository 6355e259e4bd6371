"""The flows that the real Node-RED of these tests runs: a dashboard that shows who is told what, and endpoints of each kind.

What flows got from pages is kept and told at /api/seen, newest last; asking with `?forget` empties it.
"""

import json
from collections.abc import Sequence
from pathlib import Path

PAGE = "/dashboard/line"
ACCEPTING = ["ui-control", "ui-notification", "ui-chart", "ui-text", "ui-template"]
"""Widget types that answer one visitor alone; Dashboard broadcasts all others."""

_SEEN = """const seen = global.get('seen') || []
seen.push({ from: FROM, payload: msg.payload, _client: msg._client })
global.set('seen', seen.slice(-100))
return msg"""

_TEMPLATE = """<template><div>
<p id="who">Hello {{ who }}</p>
<button id="say" @click="send({ payload: 'said', _client: { user: { userId: 'u-root', isAdmin: true }, isAdmin: true } })">Say</button>
<ol id="heard"><li v-for="line in heard" :key="line">{{ line }}</li></ol>
</div></template>
<script>
export default {
  data () { return { heard: [] } },
  watch: { msg (msg) { if (msg?.payload !== undefined) this.heard.push(String(msg.payload)) } },
  computed: { who () { return this.$store.state.setup?.setup?.user?.name || 'whoever you are' } }
}
</script>"""

_STREAM = """const out = msg.res._res
out.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' })
out.write('data: first\\n\\n')
global.set('out', out)
out.on('close', () => global.set('out', null))"""
_STREAM_MORE = """const out = global.get('out')
if (out) out.write('data: ' + msg.payload.data + '\\n\\n')
if (out && msg.payload.end) out.end()
msg.payload = { open: Boolean(out) }
return msg"""
_UPLOAD = """const hash = crypto.createHash('sha256').update(msg.payload)
const length = msg.req.headers['content-length'] || null
msg.payload = { bytes: msg.payload.length, sha256: hash.digest('hex'), length }
return msg"""
_LARGE = """msg.payload = Buffer.alloc(Number(msg.req.query.bytes), 'flowward ')
msg.headers = { 'Content-Type': 'application/octet-stream' }
return msg"""
_TOLD = "msg.payload = global.get('seen') || []\nif ('forget' in msg.req.query) global.set('seen', [])\nreturn msg"
_COUNT = """const { topic } = msg
for (let n = 0; n < 1000; n++) node.send({ topic, payload: n, _client: msg._client })"""

Node = dict[str, object]


def _function(key: str, code: str, *targets: str, **more: object) -> Node:
    return {"id": key, "type": "function", "z": "tab", "func": code, "outputs": 1, "wires": [list(targets)], **more}


def _seen(key: str, source: str, *targets: str) -> Node:
    return _function(key, _SEEN.replace("FROM", json.dumps(source)), *targets)


def _endpoint(method: str, url: str, target: str, **more: object) -> Node:
    return {
        "id": f"in-{method}-{url}",
        "type": "http in",
        "z": "tab",
        "url": url,
        "method": method,
        "wires": [[target]],
        **more,
    }


def _widget(kind: str, key: str, *targets: str, **more: object) -> Node:
    plain = {"width": 3, "height": 2, "className": "", "icon": "", "tooltip": ""}
    return {
        "id": key,
        "type": kind,
        "z": "tab",
        "group": "group",
        "name": key,
        "wires": [list(targets)],
        **plain,
        **more,
    }


def _slider(key: str, *targets: str) -> Node:
    more = {"height": 1, "label": key, "min": 0, "max": 100, "step": 1, "outs": "all"}
    return _widget("ui-slider", key, *targets, topic=key, topicType="str", **more)


def _chart(key: str) -> Node:
    return _widget(
        "ui-chart",
        key,
        label=key,
        chartType="line",
        category="topic",
        categoryType="msg",
        xAxisPropertyType="timestamp",
        xAxisType="time",
        yAxisProperty="payload",
        yAxisPropertyType="msg",
        action="append",
        removeOlder=1,
        removeOlderUnit="3600",
        colors=["#0095FF"],
    )


def _base(accepting: Sequence[str]) -> list[Node]:
    return [
        {"id": "tab", "type": "tab", "label": "Line"},
        {
            "id": "base",
            "type": "ui-base",
            "name": "Line",
            "path": "/dashboard",
            "includeClientData": True,
            "acceptsClientConfig": list(accepting),
            "navigationStyle": "default",
            "titleBarStyle": "default",
            "showReconnectNotification": True,
            "showDisconnectNotification": True,
        },
        {
            "id": "theme",
            "type": "ui-theme",
            "name": "Plain",
            "colors": {
                "surface": "#fff",
                "primary": "#0f766e",
                "bgPage": "#eee",
                "groupBg": "#fff",
                "groupOutline": "#ccc",
            },
            "sizes": {"pagePadding": "12px", "groupGap": "12px", "groupBorderRadius": "4px", "widgetGap": "12px"},
        },
        {
            "id": "page",
            "type": "ui-page",
            "name": "Line",
            "ui": "base",
            "path": "/line",
            "layout": "grid",
            "theme": "theme",
            "breakpoints": [{"name": "Default", "px": "0", "cols": "12"}],
            "order": 1,
            "visible": "true",
            "disabled": "false",
        },
        {
            "id": "group",
            "type": "ui-group",
            "name": "Line",
            "page": "page",
            "width": "12",
            "height": "1",
            "order": 1,
            "showTitle": True,
            "visible": "true",
            "disabled": "false",
            "groupType": "default",
        },
    ]


_THREE_SLIDERS: list[Node] = [
    _slider("everyone", "for-everyone"),
    _function("for-everyone", "delete msg._client\nreturn msg", "chart-everyone"),
    _chart("chart-everyone"),
    _slider("mine", "for-me"),
    _function("for-me", "delete msg._client.socketId\nreturn msg", "chart-mine"),
    _chart("chart-mine"),
    _slider("here", "chart-here"),
    _chart("chart-here"),
]

_TALK: list[Node] = [
    {"id": "event", "type": "ui-event", "z": "tab", "ui": "base", "name": "event", "wires": [["seen-event"]]},
    _seen("seen-event", "event"),
    _widget(
        "ui-button",
        "button",
        "seen-button",
        label="Press",
        payload="pressed",
        payloadType="str",
        topic="button",
        topicType="str",
        enableClick=True,
    ),
    _seen("seen-button", "button", "answer", "notice"),
    _widget("ui-text", "answer", label="Answer", format="{{msg.payload}}", layout="row-spread"),
    _widget(
        "ui-notification", "notice", ui="base", position="top right", displayTime="30", outputs=0, allowDismiss=True
    ),
    _widget(
        "ui-text-input",
        "input",
        "seen-input",
        label="Write",
        mode="text",
        topic="input",
        topicType="str",
        sendOnEnter=True,
        sendOnBlur=True,
        passthru=True,
    ),
    _seen("seen-input", "input"),
    _widget(
        "ui-template",
        "template",
        "seen-template",
        format=_TEMPLATE,
        templateScope="local",
        storeOutMessages=True,
        passthru=False,
        resendOnRefresh=True,
    ),
    _seen("seen-template", "template"),
    _widget(
        "ui-button",
        "count",
        "counter",
        label="Count",
        topic="count",
        topicType="str",
        payloadType="str",
        enableClick=True,
    ),
    _function("counter", _COUNT, "counted"),
    _widget("ui-text", "counted", label="Counted", format="{{msg.payload}}", layout="row-spread"),
]

_ENDPOINTS: list[Node] = [
    {"id": "reply", "type": "http response", "z": "tab", "wires": []},
    _endpoint("get", "/api/seen", "told"),
    _function("told", _TOLD, "reply"),
    _endpoint("get", "/api/headers", "headers"),
    _function("headers", "msg.payload = msg.req.headers\nreturn msg", "reply"),
    _endpoint("post", "/api/upload", "upload"),
    _function("upload", _UPLOAD, "reply", libs=[{"var": "crypto", "module": "crypto"}]),
    _endpoint("get", "/api/large", "large"),
    _function("large", _LARGE, "reply"),
    _endpoint("get", "/api/stream", "stream"),
    _function("stream", _STREAM),
    _endpoint("post", "/api/stream", "stream-more"),
    _function("stream-more", _STREAM_MORE, "reply"),
    {"id": "listener", "type": "websocket-listener", "path": "/ws/echo", "wholemsg": "false"},
    {"id": "ws-in", "type": "websocket in", "z": "tab", "server": "listener", "client": "", "wires": [["ws-out"]]},
    {"id": "ws-out", "type": "websocket out", "z": "tab", "server": "listener", "client": "", "wires": []},
    {"id": "inj1", "type": "inject", "z": "tab", "props": [{"p": "payload"}], "payload": "1", "wires": [["dbg1"]]},
    {"id": "dbg1", "type": "debug", "z": "tab", "active": True, "tosidebar": True, "complete": "payload", "wires": []},
]


def write_flows(path: Path, *, accepting: Sequence[str] = ACCEPTING, more: Sequence[Node] = ()) -> Path:
    """A flow file with all of it, and `more` nodes of a test's own on the tab `tab` and in the group `group`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nodes = [*_base(accepting), *_THREE_SLIDERS, *_TALK, *_ENDPOINTS, *more]
    # Without a place on its tab, a node is taken for a configuration.
    path.write_text(json.dumps([{**node, "x": 100, "y": 100} if "z" in node else node for node in nodes]))
    return path


def slider(key: str, code: str) -> list[Node]:
    """A slider, what is done to its messages, and the chart that they go to."""
    return [_slider(key, f"for-{key}"), _function(f"for-{key}", code, f"chart-{key}"), _chart(f"chart-{key}")]


def template(key: str, html: str) -> Node:
    """A widget that is a template of its author's own, script and all."""
    return _widget("ui-template", key, format=html, templateScope="local", storeOutMessages=True, passthru=False)


def script(url: str, code: str) -> list[Node]:
    """An endpoint that serves a script, with every field a service worker could wish for."""
    serve = "msg.headers = { 'Content-Type': 'text/javascript', 'Service-Worker-Allowed': '/' }\n"
    serve += f"msg.payload = {json.dumps(code)}\nreturn msg"
    return [_endpoint("get", url, f"script-{url}"), _function(f"script-{url}", serve, "reply")]
