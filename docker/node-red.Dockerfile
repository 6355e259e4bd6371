# Node-RED as the compose file runs it: with the Dashboard and the Flowward package, and the demo's flows to begin with.

FROM nodered/node-red:5.0.7
USER root
COPY node-red /opt/node-red-dashboard-2-flowward
RUN npm install --no-audit --no-fund --install-links \
      @flowfuse/node-red-dashboard@1.31.0 /opt/node-red-dashboard-2-flowward
COPY docker/settings.js /opt/flowward/settings.js
COPY --chown=node-red:node-red examples/demo/flows.json /data/flows.json
# The printed settings lie outside the folder whose packages they require.
ENV NODE_PATH=/usr/src/node-red/node_modules
USER node-red
CMD ["--settings", "/opt/flowward/settings.js"]
