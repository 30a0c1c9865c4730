# builtins.fetchTarball, builtins.exec, <nixpkgs>, /etc/passwd, users.users, ../../x
/* nixpkgs.overlays = [ ]; security.sudo.enable = true;
   inputs.nixpkgs.url = "x"; */
{ ... }:
{
  hyperhive.model = null;
}
