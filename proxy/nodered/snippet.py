"""The settings that make a Node-RED trust this gateway, as a file its settings.js includes in one line."""

import json
from collections.abc import Mapping, Sequence
from string import Template
from typing import Final

from proxy.model.estate import InstanceSettings

FILE_NAME: Final = "flowward.settings.js"
PACKAGE: Final = "node-red-dashboard-2-flowward"

_TEXT: Final = Template("""\
// Settings of Flowward for $address, made by `flowward nodered snippet`. Nothing in here is secret.
//
// 1. In Node-RED's user directory, install $package, which comes with Flowward:
//      npm install --install-links /path/to/flowward/node-red
// 2. Keep this file beside settings.js as $file_name, and add inside its module.exports:
//      ...require('./$file_name'),
// 3. Let settings.js agree with the gateway's estate, and have no adminAuth of its own:
//      httpAdminRoot: $admin_root,
//      httpNodeRoot: $node_root,
// 4. Let only the gateway reach this Node-RED, for example by uiHost: '127.0.0.1', and restart it.
const flowward = {
  issuer: $issuer,
  audience: $audience,
  jwks: $jwks,
  jwksUrl: $jwks_url
}

module.exports = { flowward, adminAuth: require('$package/admin-auth')(flowward) }
""")


def snippet(
    address: str,
    instance_id: str,
    settings: InstanceSettings,
    *,
    issuer: str,
    jwks: Mapping[str, Sequence[Mapping[str, str]]],
    jwks_url: str,
) -> str:
    """A complete CommonJS module for one instance: whose assertions it takes, for whom, and the keys to check them.

    The keys of the moment are inline, so that Node-RED starts without the gateway; later ones come from `jwks_url`.
    """
    return _TEXT.substitute(
        address=address,
        package=PACKAGE,
        file_name=FILE_NAME,
        admin_root=_literal(settings.admin_root),
        node_root=_literal(settings.node_root),
        issuer=_literal(issuer),
        audience=_literal(instance_id),
        jwks=json.dumps(jwks, indent=2).replace("\n", "\n  "),
        jwks_url=_literal(jwks_url),
    )


def _literal(text: str) -> str:
    """A JavaScript string. JSON in ASCII is JavaScript (ECMA-262 section 12.9.4)."""
    return json.dumps(text)
