// Node's http-proxy-3, no login. Usage: node http_proxy_3.cjs PORT HTTP_PORT WEBSOCKET_PORT (NODE_PATH holds http-proxy-3)
const http = require('node:http')
const { createProxyServer } = require('http-proxy-3')

const [port, upstream, sockets] = process.argv.slice(2).map(Number)
const agent = new http.Agent({ keepAlive: true, maxFreeSockets: 256 })
const requests = createProxyServer({ target: `http://127.0.0.1:${upstream}`, agent })
const upgrades = createProxyServer({ target: `ws://127.0.0.1:${sockets}`, ws: true })

for (const proxy of [requests, upgrades]) {
  proxy.on('error', (_error, _request, response) => (response?.writeHead ? response.writeHead(502).end() : response?.destroy()))
}

http
  .createServer((request, response) => requests.web(request, response))
  .on('upgrade', (request, socket, head) => upgrades.ws(request, socket, head))
  .listen(port, '127.0.0.1', 4096)
