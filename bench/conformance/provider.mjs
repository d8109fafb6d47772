// An OpenID provider for the resource that is named, with the pages that oidc-provider has for
// trying it out: any name logs in, whatever is asked for is granted. node provider.mjs PORT RESOURCE

import Provider from "oidc-provider";

const [port, resource] = process.argv.slice(2);
const scopes = ["images:read", "images:write", "images:delete"];

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [],
  clientDefaults: { token_endpoint_auth_method: "none" },
  scopes: ["openid", "offline_access", ...scopes],
  features: {
    devInteractions: { enabled: true },
    registration: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo(_, indicator) {
        if (indicator !== resource) throw new Error(`no such resource: ${indicator}`);
        return {
          scope: scopes.join(" "),
          audience: resource,
          accessTokenFormat: "jwt",
          accessTokenTTL: 300,
          jwt: { sign: { alg: "RS256" } },
        };
      },
    },
  },
});

provider.listen(Number(port), "127.0.0.1");
