{ pkgs, ... }@args:
{
  environment.systemPackages = [ args.inputs.nixpkgs.hello ];
}
