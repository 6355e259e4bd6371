// A browser may keep the cookie from a page in a frame until the visitor says that it may be used there.
const show = document.querySelector("[data-show]");
const again = () => location.reload();
const blocked = () => {
  show.hidden = false;
  show.addEventListener("click", () => document.requestStorageAccess().then(again, () => {}));
};
if (document.hasStorageAccess) {
  document.hasStorageAccess().then((allowed) => (allowed ? setTimeout(again, 5000) : blocked()));
} else {
  setTimeout(again, 5000);
}
