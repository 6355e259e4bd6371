// Only the gateway reaches this Node-RED: it shares the gateway's network and listens on the loopback address alone.
module.exports = {
    uiHost: '127.0.0.1',
    uiPort: 1880,
    httpAdminRoot: '/admin',
    userDir: '/data',
    flowFile: 'flows.json',
    telemetry: { enabled: false, updateNotification: false },
    editorTheme: { tours: false },
    ...require('/run/flowward/flowward.settings.js')
}
