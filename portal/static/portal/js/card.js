// The code of a card that changes: another one is fetched before it ends. Without a connection it goes, and the number stays.
const box = document.querySelector("[data-card-code]");

async function renew() {
  try {
    const answer = await fetch(box.dataset.cardCode, { headers: { "X-Requested-With": "fetch" } });
    if (!answer.ok || answer.redirected) throw new Error(answer.status);
    box.innerHTML = await answer.text();
    box.hidden = false;
  } catch {
    box.hidden = true;
  }
}

const renewIfSeen = () => document.hidden || renew();
setInterval(renewIfSeen, 40_000);
document.addEventListener("visibilitychange", renewIfSeen);
renewIfSeen();
