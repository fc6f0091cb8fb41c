# For those who use Nix: `nix develop` has what working on Sentinel takes, `nix run` is the program from source.
# It was parsed and evaluated, but never built, by us. A program in one file is made by `deno task compile`, which
# downloads its runtime, as builds of Nix may not.
{
  description = "Sentinel proves a license, and launches and supervises the software it is for";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs = { self, nixpkgs }:
    let
      inherit (nixpkgs) lib;
      systems = [ "x86_64-linux" "aarch64-linux" "x86_64-darwin" "aarch64-darwin" ];
      forAllSystems = make: lib.genAttrs systems (system: make nixpkgs.legacyPackages.${system});

      settings = builtins.fromJSON (builtins.readFile ./deno.json);
      lock = builtins.fromJSON (builtins.readFile ./deno.lock);
      pinned = lib.fileContents ./.dvmrc;

      # The npm packages of deno.lock, each by the digest that stands there, as Deno's cache has them.
      packagesFor = pkgs: pkgs.linkFarm "sentinel-npm" (lib.mapAttrsToList
        (id: { integrity, ... }:
          let
            parts = builtins.match "(.+)@([^@]+)" id;
            name = builtins.elemAt parts 0;
            version = builtins.elemAt parts 1;
            archive = pkgs.fetchurl {
              url = "https://registry.npmjs.org/${name}/-/${baseNameOf name}-${version}.tgz";
              hash = integrity;
            };
          in
          {
            name = "npm/registry.npmjs.org/${name}/${version}";
            path = pkgs.runCommand "${baseNameOf name}-${version}" { } ''
              mkdir $out
              tar -xzf ${archive} -C $out --strip-components=1
            '';
          })
        lock.npm);

      # The Deno that is pinned, or a warning that it is another one.
      denoFor = pkgs:
        lib.warnIf (pkgs.deno.version != pinned)
          "Sentinel is made for Deno ${pinned}, and nixpkgs has ${pkgs.deno.version}"
          pkgs.deno;

      permissions = lib.concatStringsSep " " (lib.mapAttrsToList
        (kind: allowed:
          if allowed == true then "--allow-${kind}"
          else "--allow-${kind}=${lib.concatStringsSep "," allowed}")
        settings.permissions.customer);
    in
    {
      devShells = forAllSystems (pkgs: {
        default = pkgs.mkShell {
          packages = [ (denoFor pkgs) pkgs.git pkgs.nodejs ]
            # what some tests ask for, which are skipped without
            ++ [ pkgs.python3 pkgs.openssl pkgs.curl pkgs.go pkgs.gcc pkgs.socat ]
            ++ lib.optionals pkgs.stdenv.isLinux [ pkgs.strace pkgs.util-linux pkgs.dbus ];
        };
      });

      packages = forAllSystems (pkgs: {
        default = pkgs.stdenvNoCC.mkDerivation {
          pname = "sentinel";
          inherit (settings) version;
          src = lib.fileset.toSource {
            root = ./.;
            fileset = lib.fileset.unions [ ./main.ts ./src ./ffi ./std ./deno.json ./deno.lock ];
          };
          nativeBuildInputs = [ pkgs.makeWrapper pkgs.installShellFiles (denoFor pkgs) ];
          # Deno writes beside the packages that it reads, so each user has a folder of links to them
          installPhase = ''
            runHook preInstall
            mkdir -p $out/share/sentinel
            cp -r . $out/share/sentinel
            makeWrapper ${lib.getExe (denoFor pkgs)} $out/bin/sentinel \
              --run 'export DENO_DIR="''${XDG_CACHE_HOME:-$HOME/.cache}/sentinel-nix"' \
              --run 'mkdir -p "$DENO_DIR"; ln -sfn ${packagesFor pkgs}/npm "$DENO_DIR/npm"' \
              --add-flags "run --quiet --no-prompt --cached-only ${permissions} $out/share/sentinel/main.ts"
            runHook postInstall
          '';
          postInstall = ''
            export HOME=$TMPDIR
            $out/bin/sentinel manual > sentinel.1
            installManPage sentinel.1
            for shell in bash zsh fish; do $out/bin/sentinel completions $shell > sentinel.$shell; done
            installShellCompletion sentinel.{bash,zsh,fish}
          '';
          meta = {
            description = "Proves a license, and launches and supervises the software it is for";
            license = lib.licenses.mit;
            mainProgram = "sentinel";
            platforms = systems;
          };
        };
      });
    };
}
